use std::ops::Range;
use std::path::Path;

use alphafleet_market::{Finding, FindingCode, Panel, PanelBuilder, PanelRow};
use chrono::NaiveDateTime;

use super::basis::to_raw;
use super::folder::{OpenOptions, QlibFolder};
use super::layout::{Extents, QlibLayout};
use super::{QlibFrequency, layout};
use crate::error::DatasetError;
use crate::import::{Limits, PriceBasis, SourceFile};
use crate::universe::bars;

/// How to read a Qlib folder.
#[derive(Debug, Clone, PartialEq)]
pub struct QlibOptions {
    /// Absent: the only one the folder has, or else `day`.
    pub frequency: Option<QlibFrequency>,
    /// `Adjusted`, Qlib's convention: prices are divided by the `factor` and volumes multiplied
    /// with it, if there is one. `Raw`: everything is taken as it is.
    pub price_basis: PriceBasis,
    pub limits: Limits,
}

impl Default for QlibOptions {
    fn default() -> Self {
        let price_basis = PriceBasis::Adjusted;
        Self { frequency: None, price_basis, limits: Limits::default() }
    }
}

/// A Qlib folder as it was read.
#[derive(Debug, Clone, PartialEq)]
pub struct QlibPanel {
    pub panel: Panel,
    /// What else is needed to write the same folder again.
    pub layout: QlibLayout,
    pub findings: Vec<Finding>,
    /// The folder, its checksum over all files read.
    pub source: SourceFile,
}

/// Reads one frequency of a folder in Qlib's binary format, unchecked and uncleaned; what
/// [`import_files`](crate::import_files) does to it is not done here.
///
/// A list of instruments other than `all.txt` becomes a field of its name: 1 on an instrument's bars
/// inside one of its spans there, both ends included, compared as Qlib does (an end without a time
/// of day is its midnight), 0 on its other bars, NaN where it has none.
///
/// [`export_qlib`](crate::export_qlib) with the layout gives the same `.bin` files, calendar and
/// lists again, byte for byte, as long as they are written the way Qlib's `dump_bin.py` does
/// (calendar entries in its format, one kind of NaN).
///
/// A series for which a side file `{field}.{frequency}.f64` lies beside the `.bin` (ours; Qlib
/// ignores it) has its values from there, in double precision. A broken file is refused by name.
/// Findings tell of universes and frequencies left out, of missing files, of instruments that are
/// not listed or have no bars, and of bars outside their listing.
pub fn read_qlib(folder: &Path, options: &QlibOptions) -> Result<QlibPanel, DatasetError> {
    let open = OpenOptions {
        frequency: options.frequency.as_ref(),
        price_basis: options.price_basis,
        limits: &options.limits,
    };
    let mut source = QlibFolder::open(folder, open)?;
    source.check_panel_size()?;
    let cells = source.calendar.len() * source.entries.len();
    let mut dense = Dense {
        bars: source.calendar.len(),
        fields: vec![vec![f64::NAN; cells]; source.fields.len()],
        spans: Vec::with_capacity(source.entries.len()),
    };
    let adjusted = options.price_basis == PriceBasis::Adjusted;
    let mut turned = false;
    for entry in 0..source.entries.len() {
        turned |= dense.take(&mut source, entry, adjusted)?;
    }
    if turned {
        let message =
            "the source's prices were adjusted: raw prices are stored beside their factor";
        let finding = Finding::whole(FindingCode::AdjustedSource, Some("factor"), message);
        source.findings.push(finding);
    }
    dense.finish(source, folder)
}

/// All values on the folder's whole calendar.
struct Dense {
    bars: usize,
    /// Laid out as in a panel.
    fields: Vec<Vec<f64>>,
    /// Where each instrument's `.bin` files lie, one a field.
    spans: Vec<Vec<Option<Range<usize>>>>,
}

impl Dense {
    fn take(
        &mut self,
        source: &mut QlibFolder<'_>,
        entry: usize,
        adjusted: bool,
    ) -> Result<bool, DatasetError> {
        let mut all = source.series(entry)?;
        let span =
            |series: &super::folder::Series| series.start..series.start + series.values.len();
        self.spans.push(all.iter().map(|series| series.as_ref().map(span)).collect());
        let names: Vec<&str> = source.fields.iter().map(String::as_str).collect();
        let turned = adjusted && to_raw(&names, &mut all, self.bars);
        for (field, series) in self.fields.iter_mut().zip(&all) {
            let Some(series) = series else { continue };
            let at = entry * self.bars + series.start;
            field[at..at + series.values.len()].copy_from_slice(&series.values);
        }
        Ok(turned)
    }

    fn has_bar(&self, cell: usize) -> bool {
        self.fields.iter().any(|field| !field[cell].is_nan())
    }

    fn finish(
        mut self,
        mut source: QlibFolder<'_>,
        folder: &Path,
    ) -> Result<QlibPanel, DatasetError> {
        // Rows without fields lay the panel out; its fields are then moved in as a whole.
        let mut builder = PanelBuilder::new(Vec::<String>::new());
        let mut busy = vec![false; self.bars];
        let mut with_bars = Vec::new();
        for entry in 0..source.entries.len() {
            let mut any = false;
            for (bar, busy) in busy.iter_mut().enumerate() {
                if !self.has_bar(entry * self.bars + bar) {
                    continue;
                }
                (any, *busy) = (true, true);
                let time = source.calendar[bar];
                source.note_bar(entry, time);
                let instrument = &source.entries[entry].symbol;
                builder.push(PanelRow { instrument, time, values: &[] })?;
            }
            if any {
                with_bars.push(entry);
            }
        }
        if with_bars.is_empty() {
            return Err(DatasetError::EmptyDataset { files: vec![folder.display().to_string()] });
        }
        let mut panel = builder.build()?;
        let fields = std::mem::take(&mut self.fields);
        for (name, values) in source.fields.iter().zip(fields) {
            panel = panel.with_field(name, self.kept(values, &with_bars, &busy))?;
        }
        let (panel, lists) = with_lists(panel, &mut source, &with_bars)?;
        let idle: Vec<NaiveDateTime> = (source.calendar.iter().zip(&busy))
            .filter_map(|(&time, &busy)| (!busy).then_some(time))
            .collect();
        if let (Some(&first), Some(&last)) = (idle.first(), idle.last()) {
            let count = idle.len() as u64;
            let message = format!("{count} calendar entries without any bar were left out");
            let whole = Finding::whole(FindingCode::IdleBars, Some("datetime"), message);
            let (first, last) = (Some(first), Some(last));
            source.findings.push(Finding { count, first, last, ..whole });
        }
        let layout = layout::of(&panel, &source, Extents { idle, spans: &self.spans, lists });
        let (findings, source) = source.finish();
        Ok(QlibPanel { panel, layout, findings, source })
    }

    /// A field's values of the instruments and calendar entries that stay.
    fn kept(&self, values: Vec<f64>, with_bars: &[usize], busy: &[bool]) -> Vec<f64> {
        if with_bars.len() == self.spans.len() && busy.iter().all(|&busy| busy) {
            return values;
        }
        let of = |&entry: &usize| {
            let series = &values[entry * self.bars..(entry + 1) * self.bars];
            series.iter().zip(busy).filter_map(|(&value, &busy)| busy.then_some(value))
        };
        with_bars.iter().flat_map(of).collect()
    }
}

/// The panel with the folder's lists as fields, and their names; `entries` has the folder's entry
/// of each instrument.
fn with_lists(
    mut panel: Panel,
    source: &mut QlibFolder<'_>,
    entries: &[usize],
) -> Result<(Panel, Vec<String>), DatasetError> {
    let fields: Vec<&str> = panel.field_names().collect();
    let mut lists = source.take_lists(&fields);
    let bars = bars(&panel, |_| true);
    for list in &mut lists {
        let values = list.field(&panel, &bars, entries);
        panel = panel.with_field(&list.name, values)?;
    }
    source.tell_lists(&lists);
    Ok((panel, lists.into_iter().map(|list| list.name).collect()))
}
