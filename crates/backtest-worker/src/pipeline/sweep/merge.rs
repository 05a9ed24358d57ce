use std::ops::Range;

use alphafleet_backtest::WindowResult;
use alphafleet_specs::Share;

use super::super::{BacktestRunError, finding};
use super::SweepShare;
use super::base::Base;
use super::state::{Row, State};

/// The whole of which these are the shares, in whatever order; `runnable` are the combinations that
/// are plans. Each share must be of this very sweep, and every run in exactly one.
pub(super) fn merged(
    base: &mut Base<'_>,
    runnable: &[usize],
    shares: Vec<SweepShare>,
) -> Result<State, BacktestRunError> {
    let mut whole = State::new(base, None);
    let (mut ranges, mut windows) = (Vec::new(), Windows::new(base.windows.len()));
    let mut builds: Vec<String> = Vec::new();
    for SweepShare { name, state } in shares {
        if !state.is_of(&whole) {
            return Err(refused(&name, "it is of another sweep, or of other data"));
        }
        builds.push(state.build.clone());
        match state.share {
            Some(Share::Runs { from, to }) => ranges.push((from..to, name, state)),
            Some(share @ Share::Windows { .. }) => windows.take(base, share, &name, state)?,
            None => return Err(refused(&name, "it is a whole sweep")),
        }
    }
    ranges.sort_by_key(|(range, ..)| range.start);
    whole.rows = rows(base.grid.configurations(), runnable, ranges)?;
    whole.windows = windows.complete()?;
    builds.retain(|build| build != base.run.build);
    builds.sort();
    builds.dedup();
    if !builds.is_empty() {
        let message = format!("some runs were made by other builds: {}", builds.join(", "));
        base.findings.push(finding("warning", "other_builds", message));
    }
    Ok(whole)
}

type Ranges = Vec<(Range<usize>, String, State)>;

/// The rows of all combinations, from ranges in their order.
fn rows(
    configurations: usize,
    runnable: &[usize],
    ranges: Ranges,
) -> Result<Vec<Row>, BacktestRunError> {
    let mut rows = Vec::with_capacity(runnable.len());
    let mut next = 0;
    for (Range { start, end }, name, state) in ranges {
        if start > next {
            return Err(absent("combination", next));
        }
        if start < next {
            return Err(refused(&name, &format!("combination {start} is in another share too")));
        }
        if end > configurations {
            let reason = format!("it goes to combination {end} of {configurations}");
            return Err(refused(&name, &reason));
        }
        let place = |configuration| runnable.partition_point(|&one| one < configuration);
        let (found, expected) = (state.rows.len(), place(end).saturating_sub(place(start)));
        if found != expected || !state.windows.is_empty() {
            return Err(refused(&name, &format!("it has {found} runs instead of {expected}")));
        }
        rows.extend(state.rows);
        next = end;
    }
    if next < configurations { Err(absent("combination", next)) } else { Ok(rows) }
}

/// Results by the windows' numbers.
struct Windows(Vec<Option<WindowResult>>);

impl Windows {
    fn new(count: usize) -> Self {
        Self(vec![None; count])
    }

    fn take(
        &mut self,
        base: &Base<'_>,
        share: Share,
        name: &str,
        state: State,
    ) -> Result<(), BacktestRunError> {
        let numbers: Vec<usize> = (0..self.0.len()).filter(|&at| share.has_window(at)).collect();
        let (found, expected) = (state.windows.len(), numbers.len());
        if found != expected || !state.rows.is_empty() {
            return Err(refused(name, &format!("it has {found} windows instead of {expected}")));
        }
        for (number, result) in numbers.into_iter().zip(state.windows) {
            if result.window != base.windows[number]
                || result.configuration >= base.grid.configurations()
            {
                return Err(refused(name, &format!("window {number} is another one")));
            }
            if self.0[number].replace(result).is_some() {
                return Err(refused(name, &format!("window {number} is in another share too")));
            }
        }
        Ok(())
    }

    fn complete(self) -> Result<Vec<WindowResult>, BacktestRunError> {
        let windows = self.0.into_iter().enumerate();
        windows.map(|(number, result)| result.ok_or_else(|| absent("window", number))).collect()
    }
}

fn refused(share: &str, reason: &str) -> BacktestRunError {
    BacktestRunError::Share { share: share.to_owned(), reason: reason.to_owned() }
}

fn absent(what: &'static str, number: usize) -> BacktestRunError {
    BacktestRunError::Absent { what, number }
}
