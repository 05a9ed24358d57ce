use std::collections::BTreeMap;

use alphafleet_market::{FindingCode, Panel};
use chrono::NaiveDateTime;

use super::QlibFolder;
use crate::universe::{Spans, findings, first_of, membership, refuse_name, value};

/// One of a folder's lists of instruments, which becomes a field.
#[derive(Debug)]
pub(crate) struct FolderList {
    /// Its file's stem, and the field's name.
    pub name: String,
    /// One an entry of the folder.
    spans: Vec<Option<Spans>>,
    /// Whether a bar was inside.
    has_members: bool,
}

impl FolderList {
    /// The field's value on a bar that the entry's instrument has.
    pub fn value(&mut self, entry: usize, time: NaiveDateTime) -> f64 {
        let value = value(self.spans[entry].as_ref(), time);
        self.has_members |= value != 0.0;
        value
    }

    /// All of the field; `entries` has the entry of each of the panel's instruments.
    pub fn field(&mut self, panel: &Panel, bars: &[bool], entries: &[usize]) -> Vec<f64> {
        let spans = |instrument: usize| self.spans[entries[instrument]].as_ref();
        let values = membership(panel, bars, spans);
        self.has_members |= values.contains(&1.0);
        values
    }
}

/// What becomes of a folder's lists other than `all.txt`.
impl QlibFolder<'_> {
    /// The lists that become fields beside these; told is of the others. A list that would make
    /// the panel too large is left out: the bars count for more.
    pub fn take_lists(&mut self, fields: &[&str]) -> Vec<FolderList> {
        let by_key: BTreeMap<&str, usize> =
            self.entries.iter().enumerate().map(|(at, entry)| (entry.key.as_str(), at)).collect();
        let (mut lists, mut left_out) = (Vec::new(), Vec::new());
        for (name, spans) in std::mem::take(&mut self.lists) {
            let reason = refuse_name(&name, fields.iter().copied());
            let full = !self.has_room(fields.len() + lists.len() + 1);
            let reason = reason.or(full.then_some("with it the values would be too many"));
            if let Some(reason) = reason {
                left_out.push(format!("{name} ({reason})"));
                continue;
            }
            let mut list =
                FolderList { name, spans: vec![None; self.entries.len()], has_members: false };
            for (key, spans) in spans {
                if let Some(&entry) = by_key.get(key.as_str()) {
                    list.spans[entry] = Some(spans);
                }
            }
            lists.push(list);
        }
        if !left_out.is_empty() {
            let message = format!(
                "universes were left out: {}; only a conversion back to Qlib has them again",
                first_of(&left_out)
            );
            self.find(FindingCode::UniverseLeftOut, None, left_out.len(), message);
        }
        lists
    }

    fn has_room(&self, columns: usize) -> bool {
        let limits = self.options.limits;
        let cells = self.calendar.len() as u64 * self.entries.len() as u64;
        columns as u64 <= limits.columns && cells.saturating_mul(columns as u64) <= limits.values
    }

    /// Tells of listed instruments without bars and of lists without members, once all bars are
    /// noted.
    pub fn tell_lists(&mut self, lists: &[FolderList]) {
        for list in lists {
            let entries = self.entries.iter().zip(&list.spans);
            let listed = entries.filter(|(_, spans)| spans.is_some()).map(|(entry, _)| entry);
            let strangers = listed.clone().filter(|entry| !entry.has_bars);
            let strangers: Vec<&str> = strangers.map(|entry| entry.symbol.as_str()).collect();
            let found = findings(&list.name, listed.count(), &strangers, list.has_members);
            self.findings.extend(found);
        }
    }
}
