use alphafleet_backtest::plan::{Plan, PlanDraft};
use alphafleet_backtest::{BacktestError, Signal, default_period};
use alphafleet_factors::DateRange;
use alphafleet_market::Panel;
use chrono::NaiveDate;

use super::local::mistake;
use crate::failure::Usage;

/// The plan with its period: what the command line says, else the plan, else the scores or data.
pub fn complete(
    draft: PlanDraft,
    given: (Option<NaiveDate>, Option<NaiveDate>),
    panel: &Panel,
    signal: Option<&Signal>,
) -> Result<Plan, Usage> {
    let known = draft.period().or_else(|| default_period(panel, signal));
    let known = known.ok_or_else(|| mistake(BacktestError::EmptyUniverse))?;
    refuse_other_days(
        given,
        known,
        match (draft.period(), signal) {
            (Some(_), _) => "the plan's period",
            (None, Some(_)) => "the scores",
            (None, None) => "the data",
        },
    )?;
    let period =
        DateRange { start: given.0.unwrap_or(known.start), end: given.1.unwrap_or(known.end) };
    Ok(draft.with_period(period))
}

/// Where only one end is given the other is that of plan, scores or data, which may lie on the
/// wrong side of it.
fn refuse_other_days(
    given: (Option<NaiveDate>, Option<NaiveDate>),
    known: DateRange,
    whose: &str,
) -> Result<(), Usage> {
    let DateRange { start, end } = known;
    let s = if whose.ends_with("period") { "s" } else { "" };
    match given {
        (Some(from), None) if from > end => Err(Usage(format!(
            "--from {from}: {whose} end{s} on {end}, before that day; choose an earlier day, or \
             give what reaches further"
        ))),
        (None, Some(to)) if to < start => Err(Usage(format!(
            "--to {to}: {whose} begin{s} on {start}, after that day; choose a later day, or give \
             what reaches further back"
        ))),
        _ => Ok(()),
    }
}
