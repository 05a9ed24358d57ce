use alphafleet_market::{AnnouncementRow, AnnouncementsBuilder};

use crate::error::DatasetError;
use crate::import::parse_time;

/// The columns of a table of announcements.
pub(super) const COLUMNS: [&str; 5] = ["instrument", "announced", "period", "field", "value"];

/// Where the columns are, in the order of [`COLUMNS`].
pub(super) fn places(file: &str, found: &[&str]) -> Result<[usize; 5], DatasetError> {
    let mut places = [0; 5];
    for (place, column) in places.iter_mut().zip(COLUMNS) {
        let mut same = found.iter().enumerate().filter(|(_, name)| name.trim() == column);
        let Some((at, _)) = same.next() else {
            return Err(DatasetError::MissingColumn {
                file: file.to_owned(),
                column: column.to_owned(),
                found: found.iter().map(|&name| name.to_owned()).collect(),
            });
        };
        if same.next().is_some() {
            let (file, column) = (file.to_owned(), column.to_owned());
            return Err(DatasetError::AmbiguousColumn {
                file,
                sources: vec![column.clone()],
                column,
            });
        }
        *place = at;
    }
    Ok(places)
}

/// A row as text, in the order of [`COLUMNS`].
pub(super) struct TextRow<'a> {
    pub(super) file: &'a str,
    /// From 1.
    pub(super) row: u64,
    pub(super) cells: [&'a str; 5],
}

impl TextRow<'_> {
    pub(super) fn take(&self, builder: &mut AnnouncementsBuilder) -> Result<(), DatasetError> {
        let [instrument, announced, period, field, value] = self.cells.map(str::trim);
        let announced = parse_time(announced).map(|stamp| stamp.local.date());
        let announced = announced.ok_or_else(|| self.bad(1, "a day such as 2019-04-25"))?;
        let period = whole(period)
            .ok_or_else(|| self.bad(2, "a period such as 201901 (quarter) or 2018 (year)"))?;
        let value = number(value).ok_or_else(|| self.bad(4, "a number"))?;
        let row = AnnouncementRow { instrument, field, announced, period, value };
        let file = || self.file.to_owned();
        builder.push(row).map_err(|source| DatasetError::Announcement { file: file(), source })
    }

    fn bad(&self, column: usize, expected: &'static str) -> DatasetError {
        DatasetError::BadValue {
            file: self.file.to_owned(),
            row: self.row,
            column: COLUMNS[column].to_owned(),
            value: self.cells[column].chars().take(64).collect(),
            expected,
        }
    }
}

/// A whole number, also one that a table of floating-point numbers has written with a `.0`.
fn whole(text: &str) -> Option<u32> {
    text.strip_suffix(".0").unwrap_or(text).parse().ok()
}

/// Empty and the usual words for nothing are NaN.
fn number(text: &str) -> Option<f64> {
    let nothing = ["", "nan", "null", "na", "n/a", "none"];
    if nothing.iter().any(|word| text.eq_ignore_ascii_case(word)) {
        return Some(f64::NAN);
    }
    text.parse().ok()
}
