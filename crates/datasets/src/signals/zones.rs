use alphafleet_market::{Finding, FindingCode};
use chrono::{NaiveTime, TimeDelta};

use super::SignalRow;

/// The rows whose times have a zone, treated as an import of bars treats its own.
#[derive(Debug, Default)]
pub(super) struct Zones {
    /// Row, and seconds east of UTC.
    zoned: Vec<(usize, i32)>,
}

impl Zones {
    /// Row number `row`, whose time is that of its zone, lies so many seconds east of UTC.
    pub fn note(&mut self, row: usize, east: i32) {
        self.zoned.push((row, east));
    }

    /// Brings times with a zone to UTC, unless most are midnights there: then they are scores of
    /// days, whose date UTC would move, and stay as they are. Tells which, if there are any. A
    /// time that UTC moves out of all calendars stays.
    pub fn settle(self, rows: &mut [SignalRow]) -> Option<Finding> {
        let midnight = |(row, _): &&(usize, i32)| rows[*row].time.time() == NaiveTime::MIN;
        let midnights = self.zoned.iter().filter(midnight).count();
        let message = if self.zoned.is_empty() {
            return None;
        } else if midnights * 2 > self.zoned.len() {
            "daily scores with a zone keep the date they have there"
        } else {
            for (row, east) in self.zoned {
                let east = TimeDelta::seconds(i64::from(east));
                let time = &mut rows[row].time;
                *time = time.checked_sub_signed(east).unwrap_or(*time);
            }
            "times of scores with a zone were turned into UTC"
        };
        Some(Finding::whole(FindingCode::ZonedTimes, Some("datetime"), message))
    }
}
