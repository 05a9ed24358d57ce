use chrono::{NaiveDateTime, NaiveTime, TimeDelta};

use super::{QlibFrequency, calendar, name};
use crate::error::DatasetError;
use crate::import::parse_time;

/// A time during which an instrument belongs to a universe, both ends included.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub symbol: String,
    pub first: NaiveDateTime,
    pub last: NaiveDateTime,
}

/// Reads `SYMBOL\tSTART\tEND` lines; an instrument may have several, further columns say nothing.
/// An end that is only a date means the whole of that day.
pub(super) fn parse(file: &str, text: &str) -> Result<Vec<Span>, DatasetError> {
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
        if end.trim().len() <= 10 && last.time() == NaiveTime::MIN {
            last += TimeDelta::days(1) - TimeDelta::nanoseconds(1);
        }
        spans.push(Span { symbol: symbol.to_owned(), first, last });
    }
    Ok(spans)
}

/// Sorts the spans of one instrument and makes one of those that overlap.
pub(super) fn unite(spans: &mut Vec<Span>) {
    spans.sort_by_key(|span| (span.first, span.last));
    spans.dedup_by(|later, earlier| {
        let overlap = later.first <= earlier.last;
        if overlap {
            earlier.last = earlier.last.max(later.last);
        }
        overlap
    });
}

/// Whether a time lies in one of the spans, which [`unite`] has sorted.
pub(super) fn covers(spans: &[Span], time: NaiveDateTime) -> bool {
    let begun = spans.partition_point(|span| span.first <= time);
    begun > 0 && time <= spans[begun - 1].last
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
    fn spans_in_any_order_cover_their_days() {
        let text = "A\t2024-02-01\t2024-02-02\nA\t2024-01-02\t2024-01-05\n\
            A\t2024-01-04\t2024-01-09\nA\t2024-01-03\t2024-01-03\n";
        let mut spans = parse("all.txt", text).unwrap();
        unite(&mut spans);
        assert_eq!(spans.len(), 2);
        for (time, inside) in [
            ("2024-01-01", false),
            ("2024-01-02", true),
            ("2024-01-08", true),
            ("2024-01-09 15:00", true),
            ("2024-01-10", false),
            ("2024-02-01", true),
            ("2024-02-03", false),
        ] {
            assert_eq!(covers(&spans, parse_time(time).unwrap().local), inside, "{time}");
        }
    }

    #[test]
    fn listings_are_read() {
        let text = "A\t2024-01-02\t2024-01-05\nA\t2024-02-01\t2024-02-02\t0.5\n\n";
        let spans = parse("all.txt", text).unwrap();
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
            let refused = parse("all.txt", text).unwrap_err();
            assert!(refused.to_string().contains(words), "{refused}");
        }
    }
}
