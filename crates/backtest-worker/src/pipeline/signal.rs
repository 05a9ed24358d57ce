use alphafleet_backtest::{BacktestError, Score, Signal};
use alphafleet_datasets::SignalRow;
use alphafleet_market::Panel;
use alphafleet_models::Finding;

use super::finding;

/// A signal on a panel's calendar.
#[derive(Debug, Clone, PartialEq)]
pub struct AlignedSignal {
    pub signal: Signal,
    /// What was left out.
    pub findings: Vec<Finding>,
}

/// Aligns scores with a panel. Scores of days before its first and after its last are left out
/// with a finding.
///
/// # Errors
/// As [`Signal::from_rows`]: an instrument that the panel does not have, a time inside its
/// calendar that is no bar, a doubled score, one that is not finite, none at all.
pub fn align_signal(panel: &Panel, rows: &[SignalRow]) -> Result<AlignedSignal, BacktestError> {
    let calendar = panel.calendar();
    let (Some(first), Some(last)) = (calendar.first(), calendar.last()) else {
        return Err(BacktestError::EmptyUniverse);
    };
    let mut outside = 0_usize;
    let inside = rows.iter().filter(|row| {
        let kept = *first <= row.time && row.time <= *last;
        outside += usize::from(!kept);
        kept
    });
    let signal = Signal::from_rows(panel, inside.map(score))?;
    let mut findings = Vec::new();
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

fn score(row: &SignalRow) -> Score<'_> {
    Score { instrument: &row.instrument, time: row.time, score: row.score }
}
