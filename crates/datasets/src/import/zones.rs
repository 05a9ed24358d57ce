use std::ops::Range;

use chrono::{FixedOffset, NaiveDateTime, NaiveTime, TimeDelta};

use super::collect::Rows;

/// Rows that follow each other and have one offset from UTC.
struct Run {
    rows: Range<usize>,
    seconds: i32,
}

/// Rows whose times have a zone. They are local until it is known of all rows whether they are
/// daily bars: those keep the date they have there, which UTC may move by a day; others become UTC.
#[derive(Default)]
pub(super) struct ZonedRows {
    /// Of the present source.
    present: Vec<Run>,
    /// How many of its rows are midnights there.
    midnights: usize,
    /// Of sources whose times are no midnights for the most part.
    undecided: Vec<Run>,
    pub to_dates: bool,
    pub to_utc: bool,
}

impl ZonedRows {
    /// Takes a row of the present source.
    pub fn note(&mut self, row: usize, local: NaiveDateTime, offset: FixedOffset) {
        let seconds = offset.local_minus_utc();
        self.midnights += usize::from(local.time() == NaiveTime::MIN);
        match self.present.last_mut() {
            Some(run) if run.rows.end == row && run.seconds == seconds => run.rows.end += 1,
            _ => self.present.push(Run { rows: row..row + 1, seconds }),
        }
    }

    /// Ends the present source: if most of its times are midnights, they are daily bars.
    pub fn end_source(&mut self) {
        let runs = std::mem::take(&mut self.present);
        let rows: usize = runs.iter().map(|run| run.rows.len()).sum();
        let daily = std::mem::take(&mut self.midnights) * 2 > rows;
        if daily {
            self.to_dates = true;
        } else {
            self.undecided.extend(runs);
        }
    }

    /// Decides on the rest: where no instrument has two times on one date, they are daily bars.
    pub fn settle(&mut self, rows: &mut Rows) {
        let runs = std::mem::take(&mut self.undecided);
        if runs.is_empty() {
            return;
        }
        if one_time_a_date(rows) {
            self.to_dates = true;
            return;
        }
        self.to_utc = true;
        for run in runs {
            let offset = TimeDelta::seconds(i64::from(run.seconds));
            rows.times[run.rows].iter_mut().for_each(|time| *time -= offset);
        }
    }
}

fn one_time_a_date(rows: &Rows) -> bool {
    let keys = || rows.instruments.iter().copied().zip(rows.times.iter().copied());
    let twice =
        |one: NaiveDateTime, other: NaiveDateTime| one != other && one.date() == other.date();
    // Most sources are in order, and intraday bars give themselves away at once.
    let mut last: Vec<Option<NaiveDateTime>> = vec![None; rows.names.len()];
    let mut ordered = true;
    for (instrument, time) in keys() {
        let last = last[instrument as usize].replace(time);
        if last.is_some_and(|last| twice(last, time)) {
            return false;
        }
        ordered &= last.is_none_or(|last| last <= time);
    }
    if ordered {
        return true;
    }
    let mut sorted: Vec<(u32, NaiveDateTime)> = keys().collect();
    sorted.sort_unstable();
    sorted.windows(2).all(|pair| pair[0].0 != pair[1].0 || !twice(pair[0].1, pair[1].1))
}
