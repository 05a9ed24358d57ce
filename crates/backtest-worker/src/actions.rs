use std::collections::HashMap;
use std::path::{Path, PathBuf};

use alphafleet_backtest::{ActionKind, CorporateAction};
use chrono::NaiveDate;
use thiserror::Error;

use crate::columns::{moment, place};

/// Rows of a file at most.
const ROWS: usize = 10_000_000;

/// Why a file of corporate actions cannot be used.
#[derive(Debug, Error)]
pub enum ActionsError {
    #[error("{} cannot be read", path.display())]
    Read {
        path: PathBuf,
        #[source]
        source: csv::Error,
    },
    #[error(
        "{}: column {column} is missing; a file of actions has instrument, date, and split or \
         dividend",
        path.display()
    )]
    MissingColumn { path: PathBuf, column: &'static str },
    #[error("{}, row {row}: '{value}' in column {column} is not {expected}", path.display())]
    BadValue {
        path: PathBuf,
        row: usize,
        column: &'static str,
        value: String,
        expected: &'static str,
    },
    #[error(
        "{}, row {row}: {instrument} has neither split nor dividend; give one or leave the row out",
        path.display()
    )]
    Nothing { path: PathBuf, row: usize, instrument: String },
    #[error(
        "{}, row {row}: {instrument} has two {kind}s on {day}, the first in row {first}; keep one",
        path.display()
    )]
    Twice {
        path: PathBuf,
        row: usize,
        first: usize,
        instrument: String,
        kind: &'static str,
        day: NaiveDate,
    },
    #[error("{} has more than 10,000,000 rows", path.display())]
    TooLarge { path: PathBuf },
}

/// Reads corporate actions from CSV: `instrument` (or `symbol`), `date` (or `datetime`), and
/// `split`, the new shares for one old share, or `dividend`, money a share; a row may have both,
/// of which the split counts first. An instrument has at most one of each on a day. They go with raw
/// prices.
///
/// # Errors
/// A file that cannot be read, a missing column, a value that is not what it should be, a row with
/// neither split nor dividend, two of a kind of one instrument on one day.
pub fn read_actions(path: &Path) -> Result<Vec<CorporateAction>, ActionsError> {
    let failed = |source| ActionsError::Read { path: path.to_owned(), source };
    let mut reader = csv::Reader::from_path(path).map_err(failed)?;
    let header = reader.headers().map_err(failed)?.clone();
    let place = |names: &[&str]| place(&header, names);
    let needed = |column: &'static str, names: &[&str]| {
        place(names).ok_or_else(|| ActionsError::MissingColumn { path: path.to_owned(), column })
    };
    let instrument = needed("instrument", &["instrument", "symbol"])?;
    let date = needed("date", &["date", "datetime"])?;
    let (split, dividend) = (place(&["split"]), place(&["dividend"]));
    if split.or(dividend).is_none() {
        needed("split", &["split"])?;
    }
    let mut actions = Vec::new();
    let mut seen = Seen::default();
    for (at, record) in reader.records().enumerate() {
        let (record, row) = (record.map_err(failed)?, at + 1);
        if at >= ROWS {
            return Err(ActionsError::TooLarge { path: path.to_owned() });
        }
        let cell = |place: usize| record.get(place).unwrap_or_default().trim();
        let bad = |column, value: &str, expected| ActionsError::BadValue {
            path: path.to_owned(),
            row,
            column,
            value: value.to_owned(),
            expected,
        };
        let name = cell(instrument);
        if name.is_empty() {
            return Err(bad("instrument", "", "a name"));
        }
        let time = moment(cell(date))
            .ok_or_else(|| bad("date", cell(date), "a date such as 2024-01-31"))?;
        let number = |place: Option<usize>, column| match place.map(cell).unwrap_or_default() {
            "" => Ok(None),
            text => match text.parse::<f64>() {
                Ok(number) if number > 0.0 && number.is_finite() => Ok(Some(number)),
                _ => Err(bad(column, text, "a positive number")),
            },
        };
        let split = number(split, "split")?.map(|ratio| ActionKind::Split { ratio });
        let dividend =
            number(dividend, "dividend")?.map(|per_share| ActionKind::Dividend { per_share });
        if split.or(dividend).is_none() {
            let (path, instrument) = (path.to_owned(), name.to_owned());
            return Err(ActionsError::Nothing { path, row, instrument });
        }
        for kind in split.into_iter().chain(dividend) {
            let action = CorporateAction { instrument: name.to_owned(), time, kind };
            seen.note(path, row, &action)?;
            actions.push(action);
        }
    }
    Ok(actions)
}

/// The rows in which each instrument's days had their split and their dividend.
#[derive(Default)]
struct Seen(HashMap<String, HashMap<(NaiveDate, &'static str), usize>>);

impl Seen {
    fn note(
        &mut self,
        path: &Path,
        row: usize,
        action: &CorporateAction,
    ) -> Result<(), ActionsError> {
        let kind = match action.kind {
            ActionKind::Split { .. } => "split",
            ActionKind::Dividend { .. } => "dividend",
        };
        let (day, instrument) = (action.time.date(), action.instrument.clone());
        let rows = self.0.entry(instrument).or_default();
        let Some(first) = rows.insert((day, kind), row) else { return Ok(()) };
        let (path, instrument) = (path.to_owned(), action.instrument.clone());
        Err(ActionsError::Twice { path, row, first, instrument, kind, day })
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    fn read(text: &str) -> Result<Vec<CorporateAction>, ActionsError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("actions.csv");
        std::fs::write(&path, text).unwrap();
        read_actions(&path)
    }

    #[test]
    fn splits_and_dividends_are_read() {
        let text =
            "symbol,date,split,dividend\nA,2024-01-31,2,\nB,20240201,,0.5\nA,2024-02-01,2,1\n";
        let actions = read(text).unwrap();
        assert_eq!(actions.len(), 4);
        assert_eq!(actions[0].kind, ActionKind::Split { ratio: 2.0 });
        assert_eq!(actions[1].kind, ActionKind::Dividend { per_share: 0.5 });
        assert_eq!(actions[1].time.to_string(), "2024-02-01 00:00:00");
        assert_eq!(actions[2].kind, ActionKind::Split { ratio: 2.0 });
        assert_eq!(actions[3].kind, ActionKind::Dividend { per_share: 1.0 });
    }

    #[test]
    fn mistakes_are_named() {
        for (text, words) in [
            ("date,split\n2024-01-31,2\n", "column instrument is missing"),
            ("instrument,date\nA,2024-01-31\n", "column split is missing"),
            ("instrument,date,split\nA,soon,2\n", "row 1: 'soon' in column date"),
            ("instrument,date,split\nA,2024-01-31,-2\n", "'-2' in column split"),
            ("instrument,date,split\nA,2024-01-31,0\n", "row 1: '0' in column split"),
            ("instrument,date,dividend\nA,2024-01-31,0\n", "row 1: '0' in column dividend"),
            ("instrument,date,dividend\nA,2024-01-31,-0.5\n", "'-0.5' in column dividend"),
            ("instrument,date,split\n,2024-01-31,2\n", "row 1: '' in column instrument"),
            (
                "instrument,date,split,dividend\nA,2024-01-31,2,\nA,2024-02-01,,\n",
                "row 2: A has neither split nor dividend",
            ),
            (
                "instrument,date,split\nA,2024-01-31,2\nB,2024-01-31,2\nA,20240131,3\n",
                "row 3: A has two splits on 2024-01-31, the first in row 1",
            ),
            (
                "instrument,date,dividend\nA,2024-01-31,2\nA,2024-01-31 15:00:00,2\n",
                "row 2: A has two dividends on 2024-01-31, the first in row 1",
            ),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(words), "{words}: {error}");
        }
    }
}
