use std::path::{Path, PathBuf};

use alphafleet_backtest::{ActionKind, CorporateAction};
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
    #[error("{} has more than 10,000,000 rows", path.display())]
    TooLarge { path: PathBuf },
}

/// Reads corporate actions from CSV: `instrument` (or `symbol`), `date` (or `datetime`), and
/// `split`, the new shares for one old share, or `dividend`, money a share; a row may have both,
/// of which the split counts first. They go with raw prices.
///
/// # Errors
/// A file that cannot be read, a missing column, a value that is not what it should be.
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
    for (at, record) in reader.records().enumerate() {
        let record = record.map_err(failed)?;
        if at >= ROWS {
            return Err(ActionsError::TooLarge { path: path.to_owned() });
        }
        let cell = |place: usize| record.get(place).unwrap_or_default().trim();
        let bad = |column, value: &str, expected| ActionsError::BadValue {
            path: path.to_owned(),
            row: at + 1,
            column,
            value: value.to_owned(),
            expected,
        };
        let time = moment(cell(date))
            .ok_or_else(|| bad("date", cell(date), "a date such as 2024-01-31"))?;
        let mut push = |kind| {
            actions.push(CorporateAction { instrument: cell(instrument).to_owned(), time, kind });
        };
        let number = |place: Option<usize>, column| match place.map(cell).unwrap_or_default() {
            "" => Ok(None),
            text => match text.parse::<f64>() {
                Ok(number) if number > 0.0 && number.is_finite() => Ok(Some(number)),
                _ => Err(bad(column, text, "a positive number")),
            },
        };
        if let Some(ratio) = number(split, "split")? {
            push(ActionKind::Split { ratio });
        }
        if let Some(per_share) = number(dividend, "dividend")? {
            push(ActionKind::Dividend { per_share });
        }
    }
    Ok(actions)
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
        let text = "symbol,date,split,dividend\nA,2024-01-31,2,\nB,20240201,,0.5\nC,2024-02-02,,\n";
        let actions = read(text).unwrap();
        assert_eq!(actions.len(), 2);
        assert_eq!(actions[0].kind, ActionKind::Split { ratio: 2.0 });
        assert_eq!(actions[1].kind, ActionKind::Dividend { per_share: 0.5 });
        assert_eq!(actions[1].time.to_string(), "2024-02-01 00:00:00");
    }

    #[test]
    fn mistakes_are_named() {
        for (text, words) in [
            ("date,split\n2024-01-31,2\n", "column instrument is missing"),
            ("instrument,date\nA,2024-01-31\n", "column split is missing"),
            ("instrument,date,split\nA,soon,2\n", "row 1: 'soon' in column date"),
            ("instrument,date,split\nA,2024-01-31,-2\n", "'-2' in column split"),
        ] {
            let error = read(text).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
