use alphafleet_market::{FindingCode, FindingLog, Panel, PanelColumns, distinct_times};
use chrono::{NaiveDateTime, NaiveTime};

use super::collect::Rows;
use super::options::{ImportOptions, OutsideRange, RowRule};
use crate::error::DatasetError;

const PRICES: [&str; 4] = ["open", "high", "low", "close"];

/// Rows that count, ordered by instrument and time.
#[derive(Debug)]
pub(super) struct CleanRows {
    rows: Rows,
    /// Indices into `rows`.
    order: Vec<u32>,
}

/// Drops, sorts and judges rows as documented at `import_files`.
pub(super) fn clean(
    mut rows: Rows,
    options: &ImportOptions,
    files: &[String],
    log: &mut FindingLog,
) -> Result<CleanRows, DatasetError> {
    let mut order = match options.rows {
        RowRule::AsRecorded => (0..rows.times.len() as u32).collect(),
        RowRule::Judged => {
            drop_infinite(&mut rows, log);
            with_prices(&rows, log)
        }
    };
    sort(&rows, &mut order, log);
    let before = order.len();
    drop_doubled(&rows, &mut order, log);
    if rows.named_by_file && (before - order.len()) * 20 > before && before > 20 {
        // Many rows for one time: the file holds several instruments and nothing names them.
        let found = rows.columns.iter().map(|(name, _)| name.clone()).collect();
        let column = "instrument".to_owned();
        return Err(DatasetError::MissingColumn { file: files.join(", "), column, found });
    }
    if options.rows == RowRule::Judged {
        drop_bad(&rows, &mut order, options, log);
    }
    if !order.iter().any(|&row| rows.has_value(row as usize)) {
        return Err(DatasetError::EmptyDataset { files: files.to_vec() });
    }
    note_missing(&rows, &order, log);
    stamp_daily(&mut rows, &order, log);
    Ok(CleanRows { rows, order })
}

impl CleanRows {
    pub fn into_panel(
        self,
        files: &[String],
        options: &ImportOptions,
    ) -> Result<Panel, DatasetError> {
        let Self { rows, order } = self;
        let order = order.iter().map(|&row| row as usize);
        let times = distinct_times(order.clone().map(|row| rows.times[row]));
        let mut instruments: Vec<_> = order.clone().map(|row| rows.instruments[row]).collect();
        instruments.dedup();
        instruments.sort_unstable();
        instruments.dedup();
        let cells = times.len() as u64 * instruments.len() as u64;
        let values = cells.saturating_mul(rows.columns.len() as u64);
        let limits = &options.limits;
        for (what, found, limit) in [
            ("cells (instruments × times)", cells, limits.cells),
            ("values (cells × columns)", values, limits.values),
        ] {
            if found > limit {
                return Err(DatasetError::TooLarge { file: files.join(", "), what, found, limit });
            }
        }
        let Rows { names, instruments, times, columns, .. } = rows;
        Ok(PanelColumns { names, instruments, times, columns }.into_panel(order)?)
    }
}

impl Rows {
    fn note(&self, log: &mut FindingLog, code: FindingCode, column: Option<&str>, row: usize) {
        let instrument = &self.names[self.instruments[row] as usize];
        log.note(code, column, instrument, self.times[row]);
    }

    fn has_value(&self, row: usize) -> bool {
        self.columns.iter().any(|(_, values)| !values[row].is_nan())
    }

    fn has_price(&self, row: usize) -> bool {
        PRICES.iter().filter_map(|name| self.column(name)).any(|column| !column[row].is_nan())
    }
}

fn drop_infinite(rows: &mut Rows, log: &mut FindingLog) {
    for column in 0..rows.columns.len() {
        let infinite = |(row, value): (usize, &f64)| value.is_infinite().then_some(row);
        let found: Vec<usize> =
            rows.columns[column].1.iter().enumerate().filter_map(infinite).collect();
        for row in found {
            rows.note(log, FindingCode::InfiniteValues, Some(&rows.columns[column].0), row);
            rows.columns[column].1[row] = f64::NAN;
        }
    }
}

fn with_prices(rows: &Rows, log: &mut FindingLog) -> Vec<u32> {
    let prices: Vec<_> = PRICES.iter().filter_map(|name| rows.column(name)).collect();
    let mut order = Vec::with_capacity(rows.times.len());
    for row in 0..rows.times.len() {
        if prices.iter().any(|column| !column[row].is_nan()) {
            order.push(row as u32);
        } else {
            rows.note(log, FindingCode::NullRows, None, row);
        }
    }
    order
}

fn sort(rows: &Rows, order: &mut [u32], log: &mut FindingLog) {
    let mut last: Vec<Option<NaiveDateTime>> = vec![None; rows.names.len()];
    for &row in order.iter() {
        let row = row as usize;
        let last = &mut last[rows.instruments[row] as usize];
        if last.is_some_and(|last| last > rows.times[row]) {
            rows.note(log, FindingCode::UnorderedRows, None, row);
        }
        *last = Some(last.map_or(rows.times[row], |last| last.max(rows.times[row])));
    }
    let mut sorted: Vec<usize> = (0..rows.names.len()).collect();
    sorted.sort_by_key(|&name| &rows.names[name]);
    let mut rank = vec![0; rows.names.len()];
    for (position, &name) in sorted.iter().enumerate() {
        rank[name] = position;
    }
    // The row itself comes last in the key: doubled rows keep the order they came in.
    order.sort_unstable_by_key(|&row| {
        let at = row as usize;
        (rank[rows.instruments[at] as usize], rows.times[at], row)
    });
}

fn drop_doubled(rows: &Rows, order: &mut Vec<u32>, log: &mut FindingLog) {
    let mut kept: Vec<u32> = Vec::with_capacity(order.len());
    for &row in order.iter() {
        let at = row as usize;
        let Some(&before) = kept.last() else {
            kept.push(row);
            continue;
        };
        let other = before as usize;
        let key = |row: usize| (rows.instruments[row], rows.times[row]);
        if key(at) != key(other) {
            kept.push(row);
            continue;
        }
        let same = rows.columns.iter().all(|(_, values)| {
            values[at] == values[other] || (values[at].is_nan() && values[other].is_nan())
        });
        if same {
            rows.note(log, FindingCode::DuplicateRows, None, at);
        } else {
            rows.note(log, FindingCode::ConflictingRows, None, at);
            let last = kept.len() - 1;
            if rows.has_price(at) || !rows.has_price(other) {
                kept[last] = row;
            }
        }
    }
    *order = kept;
}

fn drop_bad(rows: &Rows, order: &mut Vec<u32>, options: &ImportOptions, log: &mut FindingLog) {
    let column = |name: &str| rows.column(name).unwrap_or_default();
    let (high, low) = (column("high"), column("low"));
    let tolerance = options.checks.tolerance;
    order.retain(|&row| {
        let row = row as usize;
        let mut impossible = false;
        for name in PRICES {
            if column(name)[row] <= 0.0 {
                rows.note(log, FindingCode::NonPositivePrice, Some(name), row);
                impossible = true;
            }
        }
        if high[row] < low[row] {
            rows.note(log, FindingCode::HighBelowLow, None, row);
            impossible = true;
        }
        if options.outside_range == OutsideRange::Missing && !impossible {
            for name in ["open", "close"] {
                let price = column(name)[row];
                if (price - high[row]).max(low[row] - price) > tolerance * price.abs() {
                    rows.note(log, FindingCode::PriceOutsideRange, Some(name), row);
                    impossible = true;
                }
            }
        }
        if impossible {
            rows.note(log, FindingCode::BadBarDropped, None, row);
        }
        !impossible
    });
}

fn note_missing(rows: &Rows, order: &[u32], log: &mut FindingLog) {
    for name in PRICES.iter().chain(&["volume"]) {
        let Some(values) = rows.column(name) else { continue };
        for row in order.iter().map(|&row| row as usize) {
            if values[row].is_nan() {
                rows.note(log, FindingCode::MissingValues, Some(name), row);
            }
        }
    }
}

/// A bar stamped with a time of day is daily when no instrument has two bars on a date.
fn stamp_daily(rows: &mut Rows, order: &[u32], log: &mut FindingLog) {
    let day = |row: u32| (rows.instruments[row as usize], rows.times[row as usize].date());
    let timed = |&&row: &&u32| rows.times[row as usize].time() != NaiveTime::MIN;
    let daily = order.windows(2).all(|pair| day(pair[0]) != day(pair[1]));
    let timed: Vec<u32> = order.iter().filter(timed).copied().collect();
    if !daily || timed.is_empty() {
        return;
    }
    for row in timed {
        let row = row as usize;
        rows.note(log, FindingCode::DailyTimes, Some("datetime"), row);
        rows.times[row] = rows.times[row].date().and_time(NaiveTime::MIN);
    }
}
