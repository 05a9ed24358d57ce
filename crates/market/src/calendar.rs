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

/// Times that are collected before they are sorted into those known.
const AT_ONCE: usize = 4_096;

/// The distinct times, ascending. Those of an instrument mostly follow each other, and then each
/// costs one comparison.
pub fn distinct_times(times: impl IntoIterator<Item = NaiveDateTime>) -> Vec<NaiveDateTime> {
    let mut known: Vec<NaiveDateTime> = Vec::new();
    let mut fresh: Vec<NaiveDateTime> = Vec::new();
    let mut next = 0;
    for time in times {
        if fresh.last() == Some(&time) {
            continue;
        }
        match find(&known, next, &time) {
            Some(at) => next = at + 1,
            None => {
                fresh.push(time);
                if fresh.len() >= known.len().max(AT_ONCE) {
                    merge(&mut known, &mut fresh);
                }
            }
        }
    }
    merge(&mut known, &mut fresh);
    known
}

fn merge(known: &mut Vec<NaiveDateTime>, fresh: &mut Vec<NaiveDateTime>) {
    known.append(fresh);
    known.sort_unstable();
    known.dedup();
}

/// Where a time is among ascending ones; likely at `next`.
pub(crate) fn find(times: &[NaiveDateTime], next: usize, time: &NaiveDateTime) -> Option<usize> {
    if times.get(next) == Some(time) { Some(next) } else { times.binary_search(time).ok() }
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

    #[test]
    fn times_in_any_order_are_told_apart() {
        let days = business_days(NaiveDate::from_ymd_opt(2000, 1, 3).unwrap(), 3 * AT_ONCE);
        // By instrument, by day, backwards, and each of them far from the one before.
        let by_instrument = days[9..].iter().chain(&days).copied();
        let by_day = days.iter().flat_map(|&day| [day; 3]);
        let backwards = days.iter().rev().chain(&days[..5]).copied();
        let scattered = (0..days.len()).map(|at| days[at * 1_009 % days.len()]);
        assert_eq!(distinct_times(by_instrument), days);
        assert_eq!(distinct_times(by_day), days);
        assert_eq!(distinct_times(backwards), days);
        assert_eq!(distinct_times(scattered.clone().chain(scattered)), days);
        assert_eq!(distinct_times([]), []);
    }
}
