use chrono::NaiveDateTime;

/// The times during which an instrument belongs to a universe, both ends included.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Spans {
    /// First and last; ascending and apart.
    apart: Vec<(NaiveDateTime, NaiveDateTime)>,
}

impl FromIterator<(NaiveDateTime, NaiveDateTime)> for Spans {
    /// Of spans in any order, which may overlap; none ends before it begins.
    fn from_iter<I: IntoIterator<Item = (NaiveDateTime, NaiveDateTime)>>(spans: I) -> Self {
        let mut apart: Vec<_> = spans.into_iter().collect();
        apart.sort_unstable();
        apart.dedup_by(|later, earlier| {
            let overlap = later.0 <= earlier.1;
            if overlap {
                earlier.1 = earlier.1.max(later.1);
            }
            overlap
        });
        Self { apart }
    }
}

impl Spans {
    /// Whether a time lies in one of them.
    pub fn covers(&self, time: NaiveDateTime) -> bool {
        let begun = self.apart.partition_point(|&(first, _)| first <= time);
        begun > 0 && time <= self.apart[begun - 1].1
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use proptest::prelude::*;

    use super::*;
    use crate::import::parse_time;

    fn time(text: &str) -> NaiveDateTime {
        parse_time(text).unwrap().local
    }

    #[test]
    fn spans_in_any_order_cover_their_days() {
        let spans = Spans::from_iter(
            [
                ("2024-02-01", "2024-02-02"),
                ("2024-01-02", "2024-01-05"),
                ("2024-01-04", "2024-01-09"),
                ("2024-01-03", "2024-01-03"),
            ]
            .map(|(first, last)| (time(first), time(last))),
        );
        assert_eq!(spans.apart.len(), 2);
        for (at, inside) in [
            ("2024-01-01", false),
            ("2024-01-02", true),
            ("2024-01-08", true),
            ("2024-01-09", true),
            ("2024-01-09 15:00", false),
            ("2024-01-10", false),
            ("2024-02-01", true),
            ("2024-02-03", false),
        ] {
            assert_eq!(spans.covers(time(at)), inside, "{at}");
        }
    }

    proptest! {
        #[test]
        fn a_time_is_covered_if_it_lies_in_any_span(
            spans in prop::collection::vec((0..40_i64, 0..9_i64), 0..12),
            at in -1..52_i64,
        ) {
            let hour = |hours| time("2024-01-01") + chrono::TimeDelta::hours(hours);
            let ends = |(first, length)| (hour(first), hour(first + length));
            let inside = |&(first, length): &(i64, i64)| first <= at && at <= first + length;
            let expected = spans.iter().any(inside);
            let found = spans.into_iter().map(ends).collect::<Spans>().covers(hour(at));
            prop_assert_eq!(found, expected);
        }
    }
}
