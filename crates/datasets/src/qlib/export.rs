use std::collections::BTreeMap;
use std::fs;
use std::ops::Range;
use std::path::{Path, PathBuf};

use alphafleet_market::{Finding, FindingCode, Panel, fill_factors};
use chrono::NaiveDateTime;

use super::basis::Kind;
use super::financial::{Financial, check_announcements};
use super::layout::{QlibLayout, extent};
use super::lists::{self, Lists};
use super::rounded::Rounded;
use super::{QlibFrequency, bin, calendar, exact, name};
use crate::error::DatasetError;
use crate::import::PriceBasis;

/// How precisely a panel is exported. Qlib's own files are always in single precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Precision {
    /// Values are rounded, with a finding.
    #[default]
    Single,
    /// Where rounding would lose something, a side file `{field}.{frequency}.f64`, which Qlib
    /// ignores, keeps the values for [`read_qlib`](crate::read_qlib).
    Double,
}

/// How to export a panel to Qlib's binary format.
#[derive(Debug, Clone, Copy)]
pub struct QlibExport<'a> {
    pub frequency: &'a QlibFrequency,
    /// What Qlib is given: `Adjusted` prices (raw × `factor`) and volumes (raw / `factor`), as is
    /// its convention, or `Raw` ones. Without a `factor` they are the same.
    pub price_basis: PriceBasis,
    pub precision: Precision,
    /// Of the Qlib folder the panel was read from, to write the same again.
    pub layout: Option<&'a QlibLayout>,
    /// Fields of the panel that become lists `instruments/{field}.txt` and no features, as those do
    /// that the layout has from lists: they say who belongs to a universe, by 1 and 0.
    pub universes: &'a [String],
}

/// Writes a panel as a folder in Qlib's binary format: `features/{symbol}/{field}.{frequency}.bin`
/// from the instrument's first bar to its last, `instruments/all.txt` with these bars as its
/// listing, and, last of all, `calendars/{frequency}.txt`. What the panel has of announcements goes
/// to `financial/`, exactly; [`read_announcements`](crate::read_announcements) reads it back. The
/// folder must be empty or not there.
///
/// Reading it with the same price basis gives the same panel: to the bit with
/// [`Precision::Double`], and with [`Precision::Single`] too if no finding `rounded_to_single`
/// tells of values that were not the same. A layout that is of another panel is not followed, with
/// a finding. A list of the layout is written as it was; where its field says something else, anew,
/// with a finding: a span for members' bars that follow each other.
///
/// # Errors
/// `target_exists` for a folder with something in it; `not_representable` for symbols that cannot
/// be folders or differ in case only, field names that are not plain lower-case words, times
/// the frequency cannot hold, universes that are no fields of the panel, numbers beyond single precision, or more than 16,777,216 entries;
/// `unwritable_file`.
pub fn export_qlib(
    panel: &Panel,
    folder: &Path,
    export: &QlibExport<'_>,
) -> Result<Vec<Finding>, DatasetError> {
    let mut findings = Vec::new();
    let layout = export.layout.filter(|layout| layout.fits(panel, export.frequency));
    if export.layout.is_some() && layout.is_none() {
        let message = "the Qlib layout in the file is of other bars: lists were written anew";
        findings.push(Finding::whole(FindingCode::LayoutLeftOut, None, message));
    }
    let universes = lists::wanted(panel, export)?;
    let export = QlibExport { layout, ..*export };
    let lists = lists::of(panel, &export, universes);
    findings.extend(lists.findings.iter().cloned());
    let features: Vec<&str> =
        panel.field_names().filter(|name| !lists.fields.contains(*name)).collect();
    let folders = check(panel, &features, export.frequency)?;
    let announced = check_announcements(panel)?;
    let calendar = calendar_of(panel, layout)?;
    claim(folder)?;
    let mut exporter = Exporter {
        panel,
        folder,
        export,
        bars: bars_of(panel, &calendar),
        calendar,
        rounded: features.iter().map(|_| Rounded::default()).collect(),
        features,
    };
    for (instrument, name) in folders.iter().enumerate() {
        exporter.instrument(instrument, name)?;
    }
    exporter.instruments_without_bars()?;
    exporter.announcements(&announced)?;
    exporter.lists(&lists)?;
    exporter.calendar()?;
    for (field, rounded) in exporter.features.iter().zip(exporter.rounded) {
        findings.extend(rounded.finding(field));
    }
    Ok(findings)
}

/// The folder of each instrument, or why the panel cannot be exported.
fn check(
    panel: &Panel,
    features: &[&str],
    frequency: &QlibFrequency,
) -> Result<Vec<String>, DatasetError> {
    let mut owners: BTreeMap<String, &str> = BTreeMap::new();
    let mut folders = Vec::with_capacity(panel.instruments().len());
    for symbol in panel.instruments() {
        let refused = |reason: String| not_representable(format!("instrument {symbol:?}"), reason);
        let folder = name::folder_of(symbol).map_err(|reason| refused(reason.to_owned()))?;
        if let Some(other) = owners.insert(folder.clone(), symbol) {
            return Err(refused(format!("{other:?} has the same folder, which is in lower case")));
        }
        folders.push(folder);
    }
    if let Some(field) = features.iter().find(|field| !name::is_field(field)) {
        let reason = "a field is named by lower-case letters, digits and '_'".to_owned();
        return Err(not_representable(format!("field {field:?}"), reason));
    }
    if let Some(time) = panel.calendar().iter().find(|&&time| !calendar::holds(frequency, time)) {
        let reason = match frequency.is_day() {
            true => "daily bars have no time of day: choose a frequency such as 1min",
            false => "times are whole seconds",
        };
        return Err(not_representable(format!("the bar of {time}"), reason.to_owned()));
    }
    if folders.is_empty() || features.is_empty() {
        return Err(DatasetError::EmptyDataset { files: vec!["the panel".to_owned()] });
    }
    Ok(folders)
}

fn not_representable(what: String, reason: String) -> DatasetError {
    DatasetError::NotRepresentable { what, reason }
}

fn calendar_of(
    panel: &Panel,
    layout: Option<&QlibLayout>,
) -> Result<Vec<NaiveDateTime>, DatasetError> {
    let mut calendar = panel.calendar().to_vec();
    calendar.extend(layout.map_or(&[][..], QlibLayout::idle));
    calendar.sort_unstable();
    calendar.dedup();
    if calendar.len() > bin::MOST_BARS {
        let what = format!("a calendar of {} entries", calendar.len());
        let reason = format!("its indices are exact up to {}", bin::MOST_BARS);
        return Err(not_representable(what, reason));
    }
    Ok(calendar)
}

/// The panel's bar of each calendar entry.
fn bars_of(panel: &Panel, calendar: &[NaiveDateTime]) -> Vec<Option<usize>> {
    calendar.iter().map(|time| panel.calendar().binary_search(time).ok()).collect()
}

fn claim(folder: &Path) -> Result<(), DatasetError> {
    let free = match fs::read_dir(folder) {
        Ok(entries) => entries.count() == 0,
        Err(_) => !folder.exists(),
    };
    if !free {
        return Err(DatasetError::TargetExists { folder: folder.to_owned() });
    }
    make(folder)
}

fn make(folder: &Path) -> Result<(), DatasetError> {
    fs::create_dir_all(folder).map_err(|error| unwritable(folder, error))
}

fn write(path: PathBuf, bytes: &[u8]) -> Result<(), DatasetError> {
    fs::write(&path, bytes).map_err(|error| unwritable(&path, error))
}

fn unwritable(path: &Path, error: std::io::Error) -> DatasetError {
    DatasetError::Write { file: path.display().to_string(), source: Box::new(error) }
}

struct Exporter<'a> {
    panel: &'a Panel,
    folder: &'a Path,
    export: QlibExport<'a>,
    calendar: Vec<NaiveDateTime>,
    /// The panel's bar of each calendar entry.
    bars: Vec<Option<usize>>,
    /// The panel's fields that are no lists.
    features: Vec<&'a str>,
    /// One a feature.
    rounded: Vec<Rounded>,
}

/// The factors of one instrument, one a bar of the panel.
struct Factors {
    /// Prices are multiplied with these.
    written: Vec<f64>,
    /// Whoever reads the export divides by these.
    read: Vec<f64>,
}

impl Exporter<'_> {
    fn instrument(&mut self, instrument: usize, folder: &str) -> Result<(), DatasetError> {
        let path = self.folder.join("features").join(folder);
        make(&path)?;
        let factors = self.factors(instrument);
        for column in 0..self.features.len() {
            let field = self.features[column];
            let Some(span) = self.span(instrument, field) else { continue };
            self.series(&path, (instrument, column, field), span, factors.as_ref())?;
        }
        Ok(())
    }

    fn factors(&self, instrument: usize) -> Option<Factors> {
        if self.export.price_basis == PriceBasis::Raw {
            return None;
        }
        let mut written = self.panel.series("factor", instrument)?.to_vec();
        let mut read = written.clone();
        if self.export.precision == Precision::Single {
            read.iter_mut().for_each(|factor| *factor = f64::from(*factor as f32));
        }
        fill_factors(&mut written);
        fill_factors(&mut read);
        Some(Factors { written, read })
    }

    /// The calendar entries of a `.bin`; none where the layout has none and there is no value.
    fn span(&self, instrument: usize, field: &str) -> Option<Range<usize>> {
        let values = self.panel.series(field, instrument).unwrap_or_default();
        let known = |&entry: &usize| self.bars[entry].is_some_and(|bar| !values[bar].is_nan());
        let usual = extent(self.panel, instrument, &self.calendar);
        let symbol = &self.panel.instruments()[instrument];
        let unusual = self.export.layout.and_then(|layout| layout.span(symbol, field));
        let span = unusual.unwrap_or_else(|| usual.clone());
        // No value may be lost, whatever the layout says.
        let Some(first) = (0..self.bars.len()).find(known) else { return span };
        let last = (first..self.bars.len()).rfind(known).unwrap_or(first);
        Some(match span.or(usual) {
            Some(span) if span.is_empty() => first..last + 1,
            Some(span) => span.start.min(first)..span.end.max(last + 1),
            None => first..last + 1,
        })
    }

    fn series(
        &mut self,
        path: &Path,
        (instrument, column, field): (usize, usize, &str),
        span: Range<usize>,
        factors: Option<&Factors>,
    ) -> Result<(), DatasetError> {
        let values = self.panel.series(field, instrument).unwrap_or_default();
        let symbol = &self.panel.instruments()[instrument];
        let kind = factors.map_or(Kind::Other, |_| Kind::of(field));
        let (mut single, mut double) = (Vec::new(), Vec::new());
        let mut inexact = false;
        for entry in span.clone() {
            let bar = self.bars[entry];
            let value = bar.map_or(f64::NAN, |bar| values[bar]);
            let (written, read) = match (factors, bar) {
                (Some(factors), Some(bar)) => (factors.written[bar], factors.read[bar]),
                _ => (1.0, 1.0),
            };
            let stored = kind.adjusted(value, written) as f32;
            if value.is_finite() && !stored.is_finite() {
                let what = format!("{field} of {symbol} at {}", self.calendar[entry]);
                let reason = format!("{value:e} is beyond single precision");
                return Err(not_representable(what, reason));
            }
            let back = kind.raw(f64::from(stored), read);
            if back.to_bits() != value.to_bits() && !value.is_nan() {
                inexact = true;
                if self.export.precision == Precision::Single {
                    self.rounded[column].note(symbol, self.calendar[entry]);
                }
            }
            single.push(stored);
            double.push(value);
        }
        let stem = format!("{field}.{}", self.export.frequency);
        let bytes = bin::encode(span.start, &single);
        if inexact && self.export.precision == Precision::Double {
            let side = exact::encode(&bytes, self.export.price_basis, &double);
            write(path.join(format!("{stem}.f64")), &side)?;
        }
        write(path.join(format!("{stem}.bin")), &bytes)
    }

    /// Instruments of the layout whose files hold no value at all, so that the panel has none.
    fn instruments_without_bars(&self) -> Result<(), DatasetError> {
        let Some(layout) = self.export.layout else { return Ok(()) };
        for (symbol, fields) in layout.spans() {
            if self.panel.instruments().binary_search(symbol).is_ok() {
                continue;
            }
            let folder = name::folder_of(symbol)
                .map_err(|reason| not_representable(symbol.clone(), reason.to_owned()))?;
            let path = self.folder.join("features").join(folder);
            make(&path)?;
            for (field, span) in fields {
                let Some(span) = span else { continue };
                let bytes = bin::encode(span.start, &vec![f32::NAN; span.len()]);
                write(path.join(format!("{field}.{}.bin", self.export.frequency)), &bytes)?;
            }
        }
        Ok(())
    }

    fn announcements(&self, instruments: &BTreeMap<String, &str>) -> Result<(), DatasetError> {
        let announcements = self.panel.announcements();
        for (folder, instrument) in instruments {
            let path = self.folder.join("financial").join(folder);
            make(&path)?;
            for field in announcements.field_names() {
                let files = Financial::of(announcements, field, instrument)?;
                let Some(Financial { data, index }) = files else { continue };
                write(path.join(format!("{field}.data")), &data)?;
                write(path.join(format!("{field}.index")), &index)?;
            }
        }
        Ok(())
    }

    fn lists(&self, lists: &Lists) -> Result<(), DatasetError> {
        let instruments = self.folder.join("instruments");
        make(&instruments)?;
        for (stem, text) in &lists.texts {
            write(instruments.join(format!("{stem}.txt")), text.as_bytes())?;
        }
        Ok(())
    }

    fn calendar(&self) -> Result<(), DatasetError> {
        let frequency = self.export.frequency;
        let entries = self.calendar.iter();
        let text: String = entries.map(|&time| calendar::format(frequency, time) + "\n").collect();
        let calendars = self.folder.join("calendars");
        make(&calendars)?;
        write(calendars.join(format!("{frequency}.txt")), text.as_bytes())
    }
}
