use std::time::Instant;

use alphafleet_factors::{NamedExpr, compute, compute_double, indicator_sources};
use alphafleet_market::{Panel, SyntheticMarket};
use serde_json::json;

use crate::measurement::Measurement;

const RUNS: usize = 7;

/// The raw features of Alpha158, on two threads and on one.
pub fn alpha158() -> Vec<Measurement> {
    let panel = market();
    let exprs = alphafleet_factors::alpha158().unwrap();
    let run = |threads: usize| {
        let start = Instant::now();
        let frame = compute(&panel, &exprs, threads).unwrap();
        let seconds = start.elapsed().as_secs_f64();
        (seconds, frame.rows() * exprs.len())
    };
    let two: Vec<f64> = (0..RUNS).map(|_| run(2).0).collect();
    let each: Vec<f64> = (0..RUNS)
        .map(|_| run(1))
        .map(|(seconds, outputs)| seconds * 1e9 / outputs as f64)
        .collect();
    vec![
        Measurement::new("alpha158", "s", two, size(&panel, exprs.len(), 2)),
        Measurement::new("alpha158 an output", "ns", each, size(&panel, exprs.len(), 1)),
    ]
}

/// The set of technical indicators, in double precision, on two threads.
pub fn indicators() -> Vec<Measurement> {
    let panel = market();
    let exprs: Vec<NamedExpr> = indicator_sources()
        .iter()
        .map(|(name, source)| NamedExpr::parse(name, source).unwrap())
        .collect();
    let run = |_| {
        let start = Instant::now();
        compute_double(&panel, &exprs, 2).unwrap();
        start.elapsed().as_secs_f64() * 1e3
    };
    let times = (0..RUNS).map(run).collect();
    vec![Measurement::new("indicators", "ms", times, size(&panel, exprs.len(), 2))]
}

fn market() -> Panel {
    let market = SyntheticMarket { instruments: 300, bars: 2_500, ..SyntheticMarket::default() };
    market.generate().unwrap()
}

fn size(panel: &Panel, outputs: usize, threads: usize) -> serde_json::Value {
    json!({
        "instruments": panel.instruments().len(), "bars": panel.calendar().len(),
        "outputs": outputs, "threads": threads,
    })
}
