use std::ops::Range;
use std::path::Path;

use alphafleet_market::{Finding, FindingCode};

use crate::error::DatasetError;
use crate::import::carried::Carried;
use crate::import::collect::Collector;
use crate::import::layout::{Field, Kind, resolve};
use crate::import::options::{PriceBasis, RowRule};
use crate::import::time::Stamp;
use crate::import::{SourceFile, name_of};
use crate::qlib::{OpenOptions, QlibFolder, Series, to_raw};

/// Columns before the fields: instrument and time.
const KEYS: usize = 2;

/// Reads a Qlib folder into the collector, one instrument at a time. Its prices leave as raw ones.
pub(in crate::import) fn read(
    path: &Path,
    collector: &mut Collector<'_>,
) -> Result<SourceFile, DatasetError> {
    let options = collector.options;
    let price_basis = options.price_basis.unwrap_or(PriceBasis::Adjusted);
    let open = OpenOptions {
        frequency: options.qlib_frequency.as_ref(),
        price_basis,
        limits: &options.limits,
    };
    let mut folder = QlibFolder::open(path, open)?;
    let file = name_of(path);
    let keys = [("instrument".to_owned(), Kind::Text), ("datetime".to_owned(), Kind::Time)];
    let numbers = folder.fields.iter().map(|field| (field.clone(), Kind::Number));
    let columns: Vec<_> = keys.into_iter().chain(numbers).collect();
    let mut layout = resolve(&file, &columns, &options.columns)?;
    if (layout.instrument, layout.datetime) != (Some(0), 1) {
        let reason = "a Qlib folder names instruments and times itself".to_owned();
        let column = "instrument, datetime".to_owned();
        return Err(DatasetError::BadMapping { column, reason });
    }
    // The fields that stay, by their names here: places in the folder's and the collector's.
    let own: Vec<String> = layout.fields.iter().map(|field| field.name.clone()).collect();
    let names: Vec<&str> = own.iter().map(String::as_str).collect();
    let places: Vec<usize> = layout.fields.iter().map(|field| field.column - KEYS).collect();
    let mut lists = folder.take_lists(&names);
    layout.fields.extend(lists.iter().zip(columns.len()..).map(|(list, column)| {
        let name = list.name.clone();
        Field { column, name, known: true }
    }));
    let target = collector.begin(&file, &layout, 0)?;
    let (fields, list_fields) = target.columns.split_at(own.len());
    let calendar = folder.calendar.clone();
    let mut turned = false;
    for entry in 0..folder.entries.len() {
        let mut all = folder.series(entry)?;
        let mut series: Vec<_> = places.iter().map(|&place| all[place].take()).collect();
        if price_basis == PriceBasis::Adjusted {
            turned |= to_raw(&names, &mut series, calendar.len());
        }
        let kept = kept_without_values(&series, options.rows);
        for (bar, &local) in calendar.iter().enumerate() {
            let value = |at: usize| {
                let series = series[at].as_ref()?;
                let value = *series.values.get(bar.checked_sub(series.start)?)?;
                (!value.is_nan()).then_some(value)
            };
            let empty = (0..series.len()).all(|at| value(at).is_none());
            if empty && !kept.contains(&bar) {
                continue;
            }
            let instrument = &folder.entries[entry].symbol;
            collector.row(&target.file, instrument, Stamp { local, offset: None })?;
            if empty {
                continue;
            }
            folder.note_bar(entry, local);
            for (at, &column) in fields.iter().enumerate() {
                if let Some(value) = value(at) {
                    collector.value(column, value);
                }
            }
            for (list, &column) in lists.iter_mut().zip(list_fields) {
                collector.value(column, list.value(entry, local));
            }
        }
    }
    folder.tell_lists(&lists);
    let (mut findings, source) = folder.finish();
    if turned {
        let message =
            "the source's prices were adjusted: raw prices are stored beside their factor";
        findings.push(Finding::whole(FindingCode::AdjustedSource, Some("factor"), message));
    }
    collector.carry(Carried { raw: true, findings });
    collector.end();
    Ok(source)
}

/// Bars that are rows even if none of an instrument's series has a value there: those its series
/// reach over, where rows count as they are recorded.
fn kept_without_values(series: &[Option<Series>], rows: RowRule) -> Range<usize> {
    let known = || series.iter().flatten().filter(|series| !series.values.is_empty());
    let first = known().map(|series| series.start).min();
    let end = known().map(|series| series.start + series.values.len()).max();
    match (rows, first, end) {
        (RowRule::AsRecorded, Some(first), Some(end)) => first..end,
        _ => 0..0,
    }
}
