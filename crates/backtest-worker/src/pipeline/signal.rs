use alphafleet_backtest::{BacktestError, Score, Signal};
use alphafleet_datasets::SignalRow;
use alphafleet_market::Panel;
use alphafleet_models::Finding;
use chrono::{NaiveDateTime, NaiveTime};

use super::finding;

/// A signal on a panel's calendar.
#[derive(Debug, Clone, PartialEq)]
pub struct AlignedSignal {
    pub signal: Signal,
    /// What was left out, or taken to another time.
    pub findings: Vec<Finding>,
}

/// Aligns scores with a panel. Where its bars are daily, all of them at midnight, a score counts
/// for its day whatever its time of day, as the import of daily bars takes them. Scores of days
/// before the panel's first and after its last are left out. Findings tell of both.
///
/// # Errors
/// As [`Signal::from_rows`]: an instrument that the panel does not have, a time inside its
/// calendar that is no bar, a doubled score (two of a day where bars are daily), one that is not
/// finite, none at all.
pub fn align_signal(panel: &Panel, rows: &[SignalRow]) -> Result<AlignedSignal, BacktestError> {
    let calendar = panel.calendar();
    let (Some(first), Some(last)) = (calendar.first(), calendar.last()) else {
        return Err(BacktestError::EmptyUniverse);
    };
    let daily = calendar.iter().all(|time| time.time() == NaiveTime::MIN);
    let (mut outside, mut timed) = (0_usize, 0_usize);
    let inside = rows.iter().filter_map(|row| {
        let time = if daily { row.time.date().and_time(NaiveTime::MIN) } else { row.time };
        timed += usize::from(time != row.time);
        let kept = *first <= time && time <= *last;
        outside += usize::from(!kept);
        kept.then(|| score(row, time))
    });
    let signal = Signal::from_rows(panel, inside)?;
    let mut findings = Vec::new();
    if timed > 0 {
        let message = format!(
            "{timed} scores have a time of day, bars are daily: they count for their days, and act \
             on the next ones"
        );
        findings.push(finding("info", "scores_taken_to_day", message));
    }
    if outside > 0 {
        let message = format!(
            "{outside} scores lie before {} or after {}, where the data end, and were left out",
            first.date(),
            last.date()
        );
        findings.push(finding("info", "scores_outside_data", message));
    }
    Ok(AlignedSignal { signal, findings })
}

fn score(row: &SignalRow, time: NaiveDateTime) -> Score<'_> {
    Score { instrument: &row.instrument, time, score: row.score }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use alphafleet_market::{PanelBuilder, PanelRow};
    use chrono::NaiveDate;

    use super::*;

    fn time(day: u32, hour: u32) -> NaiveDateTime {
        NaiveDate::from_ymd_opt(2024, 1, day).unwrap().and_hms_opt(hour, 0, 0).unwrap()
    }

    fn panel(times: &[NaiveDateTime]) -> Panel {
        let mut builder = PanelBuilder::new(["close"]);
        for &time in times {
            builder.push(PanelRow { instrument: "A", time, values: &[1.0] }).unwrap();
        }
        builder.build().unwrap()
    }

    fn rows(times: &[NaiveDateTime]) -> Vec<SignalRow> {
        let row = |(at, &time): (usize, &NaiveDateTime)| SignalRow {
            instrument: "A".to_owned(),
            time,
            score: at as f64,
        };
        times.iter().enumerate().map(row).collect()
    }

    fn codes(aligned: &AlignedSignal) -> Vec<&str> {
        aligned.findings.iter().map(|found| found.code.as_str()).collect()
    }

    #[test]
    fn scores_of_daily_bars_count_for_their_days() {
        let daily = panel(&[time(2, 0), time(3, 0), time(4, 0)]);
        let plain = align_signal(&daily, &rows(&[time(2, 0), time(4, 0)])).unwrap();
        assert!(plain.findings.is_empty());
        let timed = align_signal(&daily, &rows(&[time(2, 15), time(4, 23)])).unwrap();
        for bar in 0..3 {
            let [plain, timed] =
                [&plain, &timed].map(|aligned| aligned.signal.at(bar)[0].to_bits());
            assert_eq!(timed, plain, "{bar}");
        }
        assert_eq!(codes(&timed), ["scores_taken_to_day"]);
        assert!(timed.findings[0].message.starts_with("2 scores"), "{:?}", timed.findings);
        let beyond = align_signal(&daily, &rows(&[time(2, 15), time(5, 15)])).unwrap();
        assert_eq!(codes(&beyond), ["scores_taken_to_day", "scores_outside_data"]);
        let twice = align_signal(&daily, &rows(&[time(2, 9), time(2, 15)])).unwrap_err();
        assert_eq!(twice.code(), "duplicate_score");
    }

    #[test]
    fn scores_of_intraday_bars_keep_their_times() {
        let hourly = panel(&[time(2, 0), time(2, 10), time(2, 11)]);
        let aligned = align_signal(&hourly, &rows(&[time(2, 10), time(2, 11)])).unwrap();
        assert!(aligned.findings.is_empty() && aligned.signal.at(0)[0].is_nan());
        let between = align_signal(&hourly, &rows(&[time(2, 5)])).unwrap_err();
        assert_eq!(between.code(), "unknown_time");
    }
}
