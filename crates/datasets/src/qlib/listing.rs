use chrono::{NaiveDateTime, NaiveTime, TimeDelta};

use super::{QlibFrequency, calendar, name};
use crate::error::DatasetError;
use crate::import::parse_time;

/// A time during which an instrument belongs to a universe, both ends included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Span {
    pub symbol: String,
    pub first: NaiveDateTime,
    pub last: NaiveDateTime,
}

/// What an end without a time of day means.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum DayEnd {
    /// The first moment of that day, as Qlib compares it with a bar's time
    /// (`DatasetProvider.inst_calculator`).
    Midnight,
    /// All of that day.
    Whole,
}

/// Reads `SYMBOL\tSTART\tEND` lines; an instrument may have several, further columns say nothing.
pub(crate) fn parse(file: &str, text: &str, ends: DayEnd) -> Result<Vec<Span>, DatasetError> {
    let mut spans = Vec::new();
    for (row, line) in (1..).zip(text.lines()) {
        if line.trim().is_empty() {
            continue;
        }
        let bad = |column: &str, value: &str, expected| DatasetError::BadValue {
            file: file.to_owned(),
            row,
            column: column.to_owned(),
            value: value.chars().take(64).collect(),
            expected,
        };
        let mut columns = line.split('\t');
        let (Some(symbol), Some(start), Some(end)) =
            (columns.next(), columns.next(), columns.next())
        else {
            return Err(bad("symbol", line, "SYMBOL, START and END with tabs between them"));
        };
        name::folder_of(symbol).map_err(|reason| bad("symbol", symbol, reason))?;
        let time = |column, text: &str| {
            let stamp = parse_time(text).filter(|stamp| stamp.offset.is_none());
            stamp.map(|stamp| stamp.local).ok_or_else(|| bad(column, text, "a time"))
        };
        let (first, mut last) = (time("start", start)?, time("end", end)?);
        if last < first {
            return Err(bad("end", end, "at or after its start"));
        }
        let is_day = end.trim().len() <= 10 && last.time() == NaiveTime::MIN;
        if is_day && ends == DayEnd::Whole {
            last += TimeDelta::days(1) - TimeDelta::nanoseconds(1);
        }
        spans.push(Span { symbol: symbol.to_owned(), first, last });
    }
    Ok(spans)
}

/// A line as `dump_bin.py` writes it.
pub(super) fn line(
    frequency: &QlibFrequency,
    symbol: &str,
    first: NaiveDateTime,
    last: NaiveDateTime,
) -> String {
    let (first, last) = (calendar::format(frequency, first), calendar::format(frequency, last));
    format!("{symbol}\t{first}\t{last}\n")
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn listings_are_read() {
        let text = "A\t2024-01-02\t2024-01-05\nA\t2024-02-01\t2024-02-02\t0.5\n\n";
        let spans = parse("all.txt", text, DayEnd::Midnight).unwrap();
        assert_eq!(spans[1].last.to_string(), "2024-02-02 00:00:00");
        let spans = parse("all.txt", text, DayEnd::Whole).unwrap();
        assert_eq!(spans.len(), 2);
        assert_eq!(spans[1].last.to_string(), "2024-02-02 23:59:59.999999999");
        assert_eq!(
            line(&QlibFrequency::day(), "A", spans[0].first, spans[0].last),
            "A\t2024-01-02\t2024-01-05\n"
        );
        for (text, words) in [
            ("A 2024-01-02 2024-01-05\n", "row 1: 'A 2024-01-02"),
            ("../../etc\t2024-01-02\t2024-01-05\n", "symbol"),
            ("A\t2024-01-02\tnever\n", "'never' in column end"),
            ("A\t2024-01-02\t2024-01-01\n", "at or after its start"),
        ] {
            let refused = parse("all.txt", text, DayEnd::Whole).unwrap_err();
            assert!(refused.to_string().contains(words), "{refused}");
        }
    }
}
