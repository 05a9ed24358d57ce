use alphafleet_market::{Announcement, PeriodLength};
use chrono::NaiveDate;

use super::series::Series;

/// A field by period of one instrument as it was known on a day.
#[derive(Debug)]
pub(super) struct Known<'a> {
    field: &'a str,
    length: PeriodLength,
    announcements: &'a [Announcement],
    /// How many of them are known.
    seen: usize,
    /// Number of the oldest period that is known.
    first: u32,
    /// From the oldest period to the newest; NaN for one that was not announced.
    values: Vec<f64>,
}

impl<'a> Known<'a> {
    /// Nothing is known yet. The announcements ascend by day.
    pub(super) fn new(field: &'a str, announcements: &'a [Announcement]) -> Self {
        // A field's name was checked with its announcements.
        let length = PeriodLength::of_field(field).unwrap_or(PeriodLength::Quarter);
        Self { field, length, announcements, seen: 0, first: 0, values: vec![] }
    }

    pub(super) fn field(&self) -> &str {
        self.field
    }

    pub(super) fn announcements(&self) -> &'a [Announcement] {
        self.announcements
    }

    /// Takes what was announced up to a day, that day included.
    pub(super) fn advance(&mut self, day: NaiveDate) {
        while let Some(next) = self.announcements.get(self.seen).filter(|a| a.announced <= day) {
            self.take(*next);
            self.seen += 1;
        }
    }

    fn take(&mut self, announcement: Announcement) {
        let Some(period) = self.length.ordinal(announcement.period) else { return };
        if self.values.is_empty() {
            self.first = period;
        }
        if period < self.first {
            let older = (self.first - period) as usize;
            self.values.splice(0..0, std::iter::repeat_n(f64::NAN, older));
            self.first = period;
        }
        let at = (period - self.first) as usize;
        if at >= self.values.len() {
            self.values.resize(at + 1, f64::NAN);
        }
        self.values[at] = announcement.value;
    }

    /// The newest periods, at most `count`; none while nothing is known.
    pub(super) fn newest(&self, count: usize) -> Series {
        let skipped = self.values.len().saturating_sub(count);
        let first = self.first + skipped as u32;
        let values = self.values[skipped..].to_vec();
        Series::numbers((first..).take(values.len()).collect(), values)
    }

    /// One period alone; none where it lies outside those known.
    pub(super) fn of(&self, period: u32) -> Series {
        let ordinal = self.length.ordinal(period);
        let at = ordinal.and_then(|ordinal| ordinal.checked_sub(self.first));
        match (ordinal, at.and_then(|at| self.values.get(at as usize))) {
            (Some(ordinal), Some(&value)) => Series::numbers(vec![ordinal], vec![value]),
            _ => Series::numbers(vec![], vec![]),
        }
    }
}
