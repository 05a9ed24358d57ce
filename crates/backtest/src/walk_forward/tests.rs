#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::ops::ControlFlow::Continue;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

use alphafleet_factors::DateRange;
use alphafleet_market::{Panel, PanelBuilder, PanelRow, SyntheticMarket};
use proptest::prelude::*;
use serde_json::json;

use super::{WalkForward, Window, walk_forward_windows};
use crate::plan::{Axis, Grid, KeyFigures, Objective, PlanDraft, Simulation, WalkForwardConfig};

const BARS: usize = 160;

fn panel() -> Panel {
    let market = SyntheticMarket { instruments: 3, bars: BARS, ..SyntheticMarket::default() };
    market.generate().unwrap()
}

/// The panel with the prices of all bars after `last` times `factor`, one factor a bar.
fn with_other_future(panel: &Panel, last: usize, factors: &[f64]) -> Panel {
    let fields: Vec<&str> = panel.field_names().collect();
    let mut builder = PanelBuilder::new(fields.iter().copied());
    for (at, instrument) in panel.instruments().iter().enumerate() {
        for (bar, &time) in panel.calendar().iter().enumerate() {
            if !panel.has_bar(at, bar) {
                continue;
            }
            let factor = if bar > last { factors[(bar + at) % factors.len()] } else { 1.0 };
            let value = |field: &&str| panel.series(field, at).unwrap()[bar] * factor;
            let values: Vec<f64> = fields.iter().map(value).collect();
            builder.push(PanelRow { instrument, time, values: &values }).unwrap();
        }
    }
    builder.build().unwrap()
}

fn whole(panel: &Panel) -> DateRange {
    let calendar = panel.calendar();
    DateRange { start: calendar[0].date(), end: calendar[calendar.len() - 1].date() }
}

fn grid(panel: &Panel) -> Grid {
    let document = json!({
        "period": whole(panel),
        "costs": { "open_rate": 0.001, "close_rate": 0.001 },
        "strategy": { "type": "ma_cross", "fast": 3, "slow": 20, "sizing": { "weight": 0.3 },
                      "short": false },
    });
    let draft = PlanDraft::from_value(&document).unwrap();
    let axis = |path: &str, values| Axis { path: path.to_owned(), values };
    let axes = vec![
        axis("strategy.fast", [2, 3, 5, 8].map(|fast| json!(fast)).to_vec()),
        axis("strategy.slow", [10, 15, 25].map(|slow| json!(slow)).to_vec()),
    ];
    Grid::new(&draft.complete(whole(panel)), axes).unwrap()
}

const CONFIG: WalkForwardConfig = WalkForwardConfig { train: 50, test: 30, step: None };

fn results(panel: &Arc<Panel>, objective: Objective) -> Vec<super::WindowResult> {
    let grid = grid(panel);
    let runnable: Vec<usize> = (0..grid.configurations()).collect();
    let cancel = AtomicBool::new(false);
    let walk = WalkForward {
        panel,
        actions: &[],
        signal: None,
        grid: &grid,
        runnable: &runnable,
        objective,
        threads: 2,
        cancel: &cancel,
    };
    let windows = walk_forward_windows(panel, whole(panel), CONFIG).unwrap();
    windows.into_iter().map(|window| walk.run(window, || ()).unwrap().unwrap()).collect()
}

#[test]
fn windows_follow_each_other_and_judge_only_what_comes_after() {
    let panel = panel();
    let day = |bar: usize| panel.calendar()[bar].date();
    let windows = walk_forward_windows(&panel, whole(&panel), CONFIG).unwrap();
    let expected: Vec<Window> = [(0, 50, 79), (30, 80, 109), (60, 110, 139), (90, 140, 159)]
        .map(|(begin, first, last)| Window {
            train: DateRange { start: day(begin), end: day(first - 1) },
            test: DateRange { start: day(first), end: day(last) },
        })
        .to_vec();
    assert_eq!(windows, expected);
    for (train, test, step) in [(50, 30, None), (2, 1, None), (100, 20, Some(59)), (159, 1, None)] {
        let config = WalkForwardConfig { train, test, step };
        let windows = walk_forward_windows(&panel, whole(&panel), config).unwrap();
        assert_eq!(windows.len(), config.windows(BARS), "{config:?}");
    }
    let long = WalkForwardConfig { train: BARS, ..CONFIG };
    assert!(walk_forward_windows(&panel, whole(&panel), long).is_err());
    let endless = WalkForwardConfig { train: usize::MAX, test: usize::MAX, step: None };
    assert!(walk_forward_windows(&panel, whole(&panel), endless).is_err());
}

#[test]
fn the_choice_is_the_best_of_the_runs_alone_and_is_run_on_what_follows() {
    let panel = Arc::new(panel());
    let grid = grid(&panel);
    let alone = |configuration: usize, period: DateRange| {
        let plan = grid.plan(configuration).unwrap().with_period(period);
        let simulation = Simulation::prepare(&plan, &panel, &[]).unwrap();
        KeyFigures::of(&plan, &simulation.run(&plan, None, &mut |_| Continue(())).unwrap())
    };
    for objective in [Objective::Sharpe, Objective::TotalReturn, Objective::MaxDrawdown] {
        let mut chosen = Vec::new();
        for result in results(&panel, objective) {
            let figures: Vec<KeyFigures> =
                (0..12).map(|one| alone(one, result.window.train)).collect();
            let best = figures.iter().filter_map(|one| objective.of(one)).fold(f64::MIN, f64::max);
            let first = figures.iter().position(|one| objective.of(one) == Some(best));
            assert_eq!(Some(result.configuration), first, "{objective:?}");
            assert_eq!(result.in_sample, figures[result.configuration]);
            assert_eq!(result.out_of_sample, alone(result.configuration, result.window.test));
            assert_eq!(result.returns.len(), result.out_of_sample.bars);
            assert!(result.returns.iter().all(|bar| bar.time.date() > result.window.train.end));
            chosen.push(result.configuration);
        }
        chosen.dedup();
        assert!(chosen.len() > 1, "the windows choose differently: {chosen:?}");
    }
}

#[test]
fn a_cancelled_window_has_no_result() {
    let panel = Arc::new(panel());
    let grid = grid(&panel);
    let (runnable, cancel) = ([0, 1, 2], AtomicBool::new(true));
    let walk = WalkForward {
        panel: &panel,
        actions: &[],
        signal: None,
        grid: &grid,
        runnable: &runnable,
        objective: Objective::Sharpe,
        threads: 1,
        cancel: &cancel,
    };
    let windows = walk_forward_windows(&panel, whole(&panel), CONFIG).unwrap();
    assert_eq!(walk.run(windows[0], || ()).unwrap(), None);
    // 12 combinations, of which three can be run.
    assert!(walk.check(83_334).is_err() && walk.check(83_333).is_ok());
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(24))]

    /// Whatever comes after a window's training part, its choice is the same; and whatever comes
    /// after the days it is judged on, so is the judgement.
    #[test]
    fn no_choice_knows_what_follows(
        window in 0_usize..4,
        factors in prop::collection::vec(0.2_f64..5.0, 1..20),
        after_test in any::<bool>(),
    ) {
        let before = Arc::new(panel());
        let known = &results(&before, Objective::Sharpe)[window];
        let end = if after_test { known.window.test.end } else { known.window.train.end };
        let last = before.calendar().iter().rposition(|time| time.date() <= end).unwrap();
        let after = Arc::new(with_other_future(&before, last, &factors));
        let found = &results(&after, Objective::Sharpe)[window];
        prop_assert_eq!(found.configuration, known.configuration);
        prop_assert_eq!(found.in_sample, known.in_sample);
        if after_test {
            prop_assert_eq!(&found.returns, &known.returns);
        }
    }
}
