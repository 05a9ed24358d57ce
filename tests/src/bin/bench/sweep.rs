use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Instant;

use alphafleet_backtest::plan::{EventPlan, Outcome, Plan, Simulation, StrategyPlan};
use alphafleet_backtest::{Config, Sweep};
use alphafleet_market::Panel;
use serde_json::json;

use crate::backtest_bars::{CAPITAL, QUANTITY, config, cross};
use crate::child;
use crate::market::{MarketFile, complete_market};
use crate::measurement::Measurement;
use crate::peer::{Peer, Script};
use crate::scale::Scale;
use crate::turns::{Figures, Turns, figure};

const TURNS: usize = 3;
/// A peer that needs minutes.
const SLOW_TURNS: usize = 1;
const RUNS: usize = 10_000;
const FEES: [f64; 4] = [0.0, 0.0005, 0.001, 0.002];

/// 10,000 moving-average crosses, each with its fast and slow window and its fee, over one market
/// of 10 instruments and 2,500 bars on two threads; and the memory of a process that does nothing
/// else. Beside it vectorbt, a hundred at once, whose equities must come to the same sum.
pub fn run(scale: Scale) -> Vec<Measurement> {
    let panel = panel();
    let runs = scale.of(RUNS);
    let script = Script { environment: "vectorbt", file: "bench-backtest.py", work: "sweep" };
    let grid: Vec<_> = grid().take(runs).collect();
    let given = json!({ "capital": CAPITAL, "quantity": QUANTITY, "runs": grid });
    let turns = {
        let file = MarketFile::write(&panel);
        let peer = Peer::start(script, file.path(), &given).map(|peer| peer.at_most(SLOW_TURNS));
        Turns::take(TURNS, || child::run("sweep", &[runs.to_string()]), [peer])
    };
    turns.agree("equity", "vectorbt equity", 1e-6);
    let params = json!({
        "runs": runs, "instruments": panel.instruments().len(), "bars": panel.calendar().len(),
        "threads": 2,
    });
    let measured = [
        turns.measurement("sweep", "runs/s", &params),
        turns.measurement("sweep memory", "MB", &params),
        turns.measurement("vectorbt sweep", "runs/s", &params),
        turns.measurement("vectorbt sweep memory", "MB", &params),
        turns.ratio("sweep", "vectorbt sweep"),
        turns.ratio("sweep memory", "vectorbt sweep memory"),
    ];
    measured.into_iter().flatten().collect()
}

fn panel() -> Arc<Panel> {
    Arc::new(complete_market(10, 2_500))
}

/// Fast window, slow window, fee.
fn grid() -> impl Iterator<Item = (usize, usize, f64)> {
    let slow = |place: usize| 60 + 4 * place;
    let pairs = (2..52).flat_map(move |fast| (0..50).map(move |place| (fast, slow(place))));
    pairs.flat_map(|(fast, slow)| FEES.map(|fee| (fast, slow, fee)))
}

/// The child's part: the sweep, with nothing done before.
pub fn alone(arguments: &[String]) -> Figures {
    let (panel, runs) = (panel(), arguments[0].parse().unwrap());
    let plan = |(fast, slow, fee)| {
        let config = Config { record_positions: false, ..config(&panel, fee) };
        let strategy = StrategyPlan::MovingAverageCross(cross(fast, slow));
        Plan::Event(EventPlan { market: None, config, strategy })
    };
    let start = Instant::now();
    let first = plan(grid().next().unwrap());
    let simulation = Simulation::prepare(&first, &panel, &[]).unwrap();
    let cancel = AtomicBool::new(false);
    let sweep = Sweep { simulation: &simulation, signal: None, threads: 2, cancel: &cancel };
    let mut sum = 0.0;
    let taken = sweep.run(grid().take(runs).map(plan), equity, |_, equity| {
        sum += equity.unwrap();
        ControlFlow::Continue(())
    });
    let seconds = start.elapsed().as_secs_f64();
    assert_eq!(taken, runs);
    let figures =
        [("sweep", runs as f64 / seconds), ("sweep memory", child::peak_mb()), ("equity", sum)];
    figures.map(|(name, value)| figure(name, value)).into()
}

fn equity(_: &Plan, outcome: Outcome) -> f64 {
    let Outcome::Event(result) = outcome else { unreachable!("the plans' engine") };
    result.days.last().unwrap().equity
}
