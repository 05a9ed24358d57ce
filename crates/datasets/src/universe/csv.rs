use chrono::{NaiveDateTime, NaiveTime, TimeDelta};

use super::list::Row;
use crate::error::DatasetError;
use crate::import::parse_time;

const INSTRUMENT: [&str; 2] = ["instrument", "symbol"];
const START: [&str; 4] = ["start", "from", "start_date", "start_datetime"];
const END: [&str; 4] = ["end", "to", "end_date", "end_datetime"];

/// Where a file has what is needed.
struct Places {
    instrument: usize,
    start: Option<usize>,
    end: Option<usize>,
}

/// The rows of a CSV file, and the columns that say nothing of who belongs when.
pub(super) fn rows(file: &str, text: &str) -> Result<(Vec<Row>, Vec<String>), DatasetError> {
    let corrupt = |error: csv::Error| DatasetError::CorruptFile {
        file: file.to_owned(),
        reason: error.to_string(),
    };
    let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(text.as_bytes());
    let header: Vec<String> =
        reader.headers().map_err(corrupt)?.iter().map(|name| name.trim().to_owned()).collect();
    let places = Places::of(file, &header)?;
    let mut rows = Vec::new();
    let mut record = csv::StringRecord::new();
    while reader.read_record(&mut record).map_err(corrupt)? {
        let line = record.position().map_or(0, |position| line_of(text, position));
        rows.push(row(file, &header, &places, line, &record)?);
    }
    let used = [Some(places.instrument), places.start, places.end];
    let others = header.into_iter().enumerate().filter(|(at, _)| !used.contains(&Some(*at)));
    Ok((rows, others.map(|(_, name)| name).collect()))
}

/// The line a record begins on, whose position is that of blank lines before it.
fn line_of(text: &str, position: &csv::Position) -> u64 {
    let from = usize::try_from(position.byte()).unwrap_or(usize::MAX);
    let rest = text.as_bytes().get(from..).unwrap_or_default();
    let blank = rest.iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
    position.line() + blank.filter(|&&byte| byte == b'\n').count() as u64
}

fn row(
    file: &str,
    header: &[String],
    places: &Places,
    line: u64,
    record: &csv::StringRecord,
) -> Result<Row, DatasetError> {
    let bad = |column: &str, value: &str, expected| DatasetError::BadValue {
        file: file.to_owned(),
        row: line,
        column: column.to_owned(),
        value: value.chars().take(64).collect(),
        expected,
    };
    if record.len() != header.len() {
        let cells: Vec<&str> = record.iter().collect();
        let expected = "a line of as many cells as the header: mend it";
        return Err(bad(&header.join(","), &cells.join(","), expected));
    }
    let cell = |place: usize| record[place].trim();
    let instrument = cell(places.instrument);
    if instrument.is_empty() {
        return Err(bad(&header[places.instrument], "", "an instrument's name"));
    }
    let time = |place: Option<usize>, open: NaiveDateTime| {
        let Some(place) = place.filter(|&place| !cell(place).is_empty()) else { return Ok(open) };
        let stamp = parse_time(cell(place)).filter(|stamp| stamp.offset.is_none());
        let expected = "a day such as 2024-01-31, or empty for an open end";
        stamp.map(|stamp| stamp.local).ok_or_else(|| bad(&header[place], cell(place), expected))
    };
    let first = time(places.start, NaiveDateTime::MIN)?;
    let mut last = time(places.end, NaiveDateTime::MAX)?;
    let is_day = places.end.is_some_and(|end| (1..=10).contains(&cell(end).len()));
    if is_day && last.time() == NaiveTime::MIN {
        last += TimeDelta::days(1) - TimeDelta::nanoseconds(1);
    }
    if let Some(end) = places.end.filter(|_| last < first) {
        return Err(bad(&header[end], cell(end), "at or after its start"));
    }
    Ok((instrument.to_owned(), (first, last)))
}

impl Places {
    fn of(file: &str, header: &[String]) -> Result<Self, DatasetError> {
        let place = |names: &[&str]| {
            let named =
                |column: &&String| names.iter().any(|name| column.eq_ignore_ascii_case(name));
            let sources: Vec<String> = header.iter().filter(named).cloned().collect();
            if sources.len() > 1 {
                let (file, column) = (file.to_owned(), names[..2].join(" or "));
                return Err(DatasetError::AmbiguousColumn { file, column, sources });
            }
            Ok(header.iter().position(|column| named(&column)))
        };
        let missing = || DatasetError::MissingColumn {
            file: file.to_owned(),
            column: INSTRUMENT.join(" or "),
            found: header.to_vec(),
        };
        Ok(Self {
            instrument: place(&INSTRUMENT)?.ok_or_else(missing)?,
            start: place(&START)?,
            end: place(&END)?,
        })
    }
}
