use alphafleet_market::{Finding, FindingCode};
use chrono::NaiveDateTime;

/// Counts the values of a field that were rounded.
#[derive(Debug, Default)]
pub(super) struct Rounded {
    count: u64,
    instruments: u64,
    last_instrument: String,
    first: Option<NaiveDateTime>,
    last: Option<NaiveDateTime>,
}

impl Rounded {
    pub fn note(&mut self, instrument: &str, time: NaiveDateTime) {
        if self.count == 0 || self.last_instrument != instrument {
            self.instruments += 1;
            instrument.clone_into(&mut self.last_instrument);
        }
        self.count += 1;
        self.first = Some(self.first.map_or(time, |first| first.min(time)));
        self.last = Some(self.last.map_or(time, |last| last.max(time)));
    }

    /// `None`: not one.
    pub fn finding(self, field: &str) -> Option<Finding> {
        if self.count == 0 {
            return None;
        }
        let (count, instruments) = (self.count, self.instruments);
        let message = format!(
            "{field}: {count} values of {instruments} instruments were rounded to single precision"
        );
        Some(Finding {
            count,
            first: self.first,
            last: self.last,
            instrument: (instruments == 1).then_some(self.last_instrument),
            ..Finding::whole(FindingCode::RoundedToSingle, Some(field), message)
        })
    }
}
