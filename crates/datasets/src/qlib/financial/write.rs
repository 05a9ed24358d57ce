use std::collections::BTreeMap;

use alphafleet_market::{Announcement, Announcements, Panel, PeriodLength};
use chrono::Datelike;

use super::{DATA_BYTES, NONE, RECORD_BYTES};
use crate::error::DatasetError;
use crate::qlib::name;

/// A field of an instrument in Qlib's point-in-time format.
pub(in crate::qlib) struct Financial {
    /// Records in the order in which they became known, of one day by period.
    pub data: Vec<u8>,
    /// The first year, and of every period from there on its first record.
    pub index: Vec<u8>,
}

/// The folder of each instrument that something was announced of, or why they cannot be written.
pub(in crate::qlib) fn check(panel: &Panel) -> Result<BTreeMap<String, &str>, DatasetError> {
    let announcements = panel.announcements();
    let mut owners: BTreeMap<String, &str> = BTreeMap::new();
    for symbol in announcements.instruments() {
        let refused = |reason: String| refused(&format!("instrument {symbol:?}"), reason);
        let folder = name::folder_of(symbol).map_err(|reason| refused(reason.to_owned()))?;
        let listed = panel.instruments().iter().any(|known| known == symbol);
        if !listed && name::symbol_of(&folder) != symbol {
            let reason = "an instrument without bars is in no list, and is read in upper case";
            return Err(refused(reason.to_owned()));
        }
        if let Some(other) = owners.insert(folder, symbol) {
            return Err(refused(format!("{other:?} has the same folder, which is in lower case")));
        }
    }
    // A folder must not have the announcements of another instrument than its bars.
    for symbol in panel.instruments() {
        let folder = name::folder_of(symbol).unwrap_or_default();
        if let Some(other) = owners.get(&folder).filter(|other| *other != symbol) {
            let reason = format!("the bars of {symbol:?} have the same folder");
            return Err(refused(&format!("instrument {other:?}"), reason));
        }
    }
    match announcements.field_names().find(|field| !name::is_field(field)) {
        None => Ok(owners),
        Some(field) => {
            let reason = "a field is named by lower-case letters, digits and '_'".to_owned();
            Err(refused(&format!("field {field:?}"), reason))
        }
    }
}

fn refused(what: &str, reason: String) -> DatasetError {
    DatasetError::NotRepresentable { what: format!("announcements of {what}"), reason }
}

impl Financial {
    /// The files of a field of an instrument, as Qlib's `scripts/dump_pit.py` lays them out; none
    /// where nothing was announced.
    pub fn of(
        announcements: &Announcements,
        field: &str,
        instrument: &str,
    ) -> Result<Option<Self>, DatasetError> {
        let (Some(announced), Some(length)) =
            (announcements.of(field, instrument), PeriodLength::of_field(field))
        else {
            return Ok(None);
        };
        let refused = |reason: String| refused(&format!("{field} of {instrument}"), reason);
        let bytes = announced.len() * RECORD_BYTES;
        if bytes as u64 > DATA_BYTES {
            let most = DATA_BYTES as usize / RECORD_BYTES;
            return Err(refused(format!("{} are more than {most}", announced.len())));
        }
        let ordinals: Vec<u32> =
            announced.iter().filter_map(|one| length.ordinal(one.period)).collect();
        let (Some(&oldest), Some(&newest)) = (ordinals.iter().min(), ordinals.iter().max()) else {
            return Ok(None);
        };
        let within = if length == PeriodLength::Quarter { 4 } else { 1 };
        let year = oldest / within;
        let periods = ((newest / within + 1 - year) * within) as usize;
        let mut files = Self { data: Vec::with_capacity(bytes), index: Vec::new() };
        let mut begins = vec![NONE; periods];
        // Where the newest record of each period so far says what follows it.
        let mut last: Vec<Option<usize>> = vec![None; periods];
        for (record, ordinal) in announced.iter().zip(&ordinals) {
            let at = (ordinal - year * within) as usize;
            let offset = files.data.len();
            match last[at] {
                None => begins[at] = offset as u32,
                Some(next) => {
                    files.data[next..next + 4].copy_from_slice(&(offset as u32).to_le_bytes());
                }
            }
            last[at] = Some(offset + RECORD_BYTES - 4);
            files.data.extend(encoded(record).ok_or_else(|| {
                refused(format!("the day {} has no form yyyymmdd", record.announced))
            })?);
        }
        files.index.extend(year.to_le_bytes());
        files.index.extend(begins.iter().flat_map(|begin| begin.to_le_bytes()));
        Ok(Some(files))
    }
}

/// A record that none follows yet; none for a day of no year with up to four digits.
fn encoded(record: &Announcement) -> Option<[u8; RECORD_BYTES]> {
    let day = record.announced;
    let year = u32::try_from(day.year()).ok().filter(|year| (1..=9_999).contains(year))?;
    let day = year * 10_000 + day.month() * 100 + day.day();
    let mut bytes = [0; RECORD_BYTES];
    bytes[..4].copy_from_slice(&day.to_le_bytes());
    bytes[4..8].copy_from_slice(&record.period.to_le_bytes());
    let value = if record.value.is_nan() { f64::NAN } else { record.value };
    bytes[8..16].copy_from_slice(&value.to_le_bytes());
    bytes[16..].copy_from_slice(&NONE.to_le_bytes());
    Some(bytes)
}
