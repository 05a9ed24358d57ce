use chrono::{Datelike, Days, NaiveDate, NaiveDateTime, NaiveTime, Weekday};

/// The first `bars` Mondays to Fridays from `start` on (`start` included), at midnight.
///
/// Holidays are not known here; a day on which nobody trades is a day without rows.
/// Fewer days come back when the calendar of [`chrono`] ends first.
pub fn business_days(start: NaiveDate, bars: usize) -> Vec<NaiveDateTime> {
    std::iter::successors(Some(start), |day| day.checked_add_days(Days::new(1)))
        .filter(|day| !matches!(day.weekday(), Weekday::Sat | Weekday::Sun))
        .take(bars)
        .map(|day| day.and_time(NaiveTime::MIN))
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn weekends_are_left_out() {
        let days = business_days(NaiveDate::from_ymd_opt(2024, 3, 1).unwrap(), 3);
        let dates: Vec<_> = days.iter().map(|day| day.date().to_string()).collect();
        assert_eq!(dates, ["2024-03-01", "2024-03-04", "2024-03-05"]);
    }
}
