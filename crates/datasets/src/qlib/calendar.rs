use chrono::{NaiveDateTime, NaiveTime, Timelike};

use super::QlibFrequency;
use crate::error::DatasetError;
use crate::import::parse_time;

/// Reads a calendar: one time a line, ascending, none twice. Blank lines say nothing.
pub(super) fn parse(
    file: &str,
    text: &str,
    frequency: &QlibFrequency,
) -> Result<Vec<NaiveDateTime>, DatasetError> {
    let mut calendar: Vec<NaiveDateTime> = Vec::new();
    for (row, line) in (1..).zip(text.lines().map(str::trim)) {
        if line.is_empty() {
            continue;
        }
        let bad = |expected| DatasetError::BadValue {
            file: file.to_owned(),
            row,
            column: "calendar".to_owned(),
            value: line.chars().take(64).collect(),
            expected,
        };
        let stamp = parse_time(line).filter(|stamp| stamp.offset.is_none());
        let time = stamp.ok_or_else(|| bad("a time without a zone"))?.local;
        if frequency.is_day() && time.time() != NaiveTime::MIN {
            return Err(bad("a date: a daily calendar has no time of day"));
        }
        if calendar.last().is_some_and(|&last| last >= time) {
            return Err(bad("later than the line before it: bars are found by their line"));
        }
        calendar.push(time);
    }
    Ok(calendar)
}

/// A calendar entry as `dump_bin.py` writes it.
pub(super) fn format(frequency: &QlibFrequency, time: NaiveDateTime) -> String {
    let form = if frequency.is_day() { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M:%S" };
    time.format(form).to_string()
}

/// Whether an entry says all of this time.
pub(super) fn holds(frequency: &QlibFrequency, time: NaiveDateTime) -> bool {
    match frequency.is_day() {
        true => time.time() == NaiveTime::MIN,
        false => time.nanosecond() == 0,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    fn parse_as(frequency: &str, text: &str) -> Result<Vec<NaiveDateTime>, DatasetError> {
        parse("x.txt", text, &frequency.parse().unwrap())
    }

    #[test]
    fn calendars_come_back_as_they_were() {
        for (frequency, text) in
            [("day", "2024-01-02\n2024-01-03\n"), ("1min", "2024-01-02 09:31:00\n")]
        {
            let parsed = parse_as(frequency, text).unwrap();
            let frequency = frequency.parse().unwrap();
            let again: String =
                parsed.iter().map(|&time| format(&frequency, time) + "\n").collect();
            assert_eq!(again, text);
            assert!(parsed.iter().all(|&time| holds(&frequency, time)));
        }
        assert_eq!(parse_as("day", "2024-01-02 00:00:00\r\n\r\n").unwrap().len(), 1);
        assert_eq!(parse_as("day", "").unwrap(), []);
    }

    #[test]
    fn calendars_out_of_order_are_refused_by_line() {
        for (text, words) in [
            ("2024-01-02\n2024-01-02\n", "x.txt, row 2: '2024-01-02'"),
            ("2024-01-03\n\n2024-01-02\n", "row 3"),
            ("2024-01-02 09:30:00\n", "has no time of day"),
            ("2024-01-02T00:00:00Z\n", "without a zone"),
            ("soon\n", "'soon'"),
        ] {
            let refused = parse_as("day", text).unwrap_err();
            assert_eq!(refused.code(), "bad_value");
            assert!(refused.to_string().contains(words), "{refused}");
        }
    }
}
