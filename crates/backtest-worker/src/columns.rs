//! What small CSV files that a person writes have in common.

use chrono::{NaiveDate, NaiveDateTime, NaiveTime};
use csv::StringRecord;

/// The column that has one of these names, in whatever case.
pub(crate) fn place(header: &StringRecord, names: &[&str]) -> Option<usize> {
    header.iter().position(|found| names.iter().any(|name| found.trim().eq_ignore_ascii_case(name)))
}

/// A day, at its midnight, or a day and a time.
pub(crate) fn moment(text: &str) -> Option<NaiveDateTime> {
    let day = ["%Y-%m-%d", "%Y/%m/%d", "%Y%m%d"]
        .into_iter()
        .find_map(|format| NaiveDate::parse_from_str(text, format).ok());
    let midnight = day.map(|day| day.and_time(NaiveTime::MIN));
    midnight.or_else(|| {
        ["%Y-%m-%d %H:%M:%S", "%Y-%m-%dT%H:%M:%S"]
            .into_iter()
            .find_map(|format| NaiveDateTime::parse_from_str(text, format).ok())
    })
}
