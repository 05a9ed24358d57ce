use alphafleet_backtest::period_bars;
use alphafleet_backtest::plan::Plan;
use alphafleet_market::Panel;
use alphafleet_models::Finding;

use super::finding;

/// Benchmarks that are named.
const NAMED: usize = 5;

/// Warns where no benchmark has a price at bars of the period: its return counts as 0 there. None
/// where there is none, or one that the data lack, which is refused later.
pub(super) fn gaps(plan: &Plan, panel: &Panel) -> Option<Finding> {
    let (names, after) = match plan {
        Plan::Qlib(config) => (config.benchmark.as_slice(), " and at the bar after a gap"),
        Plan::Event(event) => (event.config.benchmark.as_slice(), ""),
    };
    let place = |name: &String| panel.instruments().binary_search(name).ok();
    let places: Vec<usize> = names.iter().map(place).collect::<Option<_>>()?;
    let closes: Vec<&[f64]> =
        places.iter().map(|&place| panel.series("close", place)).collect::<Option<_>>()?;
    let priced = |bar: &usize| closes.iter().any(|series| series[*bar].is_finite());
    let bars = period_bars(panel, plan.period()).ok()?;
    let (all, absent) = (bars.len(), bars.filter(|bar| !priced(bar)).count());
    if names.is_empty() || absent == 0 {
        return None;
    }
    let first = match (0..panel.calendar().len()).find(priced) {
        Some(bar) => format!("the first price is of {}", panel.calendar()[bar]),
        None => "there is no price in all of the data".to_owned(),
    };
    let message = format!(
        "the {} no price at {absent} of the {all} bars of the period and counts as a return of 0 \
         there{after}; {first}",
        named(names)
    );
    Some(finding("warning", "benchmark_gaps", message))
}

fn named(names: &[String]) -> String {
    match names {
        [one] => format!("benchmark {one} has"),
        names if names.len() <= NAMED => format!("benchmark of {} has", names.join(", ")),
        names => {
            let (first, more) = (names[..NAMED].join(", "), names.len() - NAMED);
            format!("benchmark of {first} and {more} more has")
        }
    }
}
