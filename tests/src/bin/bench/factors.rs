use std::time::Instant;

use alphafleet_factors::{FeatureFrame, NamedExpr, compute, instrument_parts};
use alphafleet_market::Panel;
use serde_json::{Value, json};

use crate::child;
use crate::market::{MarketFile, market};
use crate::measurement::Measurement;
use crate::peer::{Peer, Script};
use crate::scale::Scale;
use crate::turns::{Figures, Turns, figure};

const TURNS: usize = 7;
/// A peer that needs half a minute.
const SLOW_TURNS: usize = 3;
const BARS: usize = 2_500;
/// Instruments and bars of the large market.
const LARGE: (usize, usize) = (3_000, 5_000);

/// The raw features of Alpha158, on two threads and on one, beside Qlib and KunQuant; and what
/// twice the instruments cost.
pub fn alpha158(scale: Scale) -> Vec<Measurement> {
    let panel = market(scale.of(300), BARS);
    let exprs = alphafleet_factors::alpha158().unwrap();
    let params = |threads| size(&panel, exprs.len(), threads);
    let turns = {
        let file = MarketFile::write(&panel);
        let peer = |work| {
            let script = Script { environment: "qlib", file: "bench-factors.py", work };
            Peer::start(script, file.path(), &json!({ "threads": 2 }))
        };
        let peers = [peer("qlib").map(|qlib| qlib.at_most(SLOW_TURNS)), peer("kunquant")];
        Turns::take(TURNS, || both(&panel, &exprs), peers)
    };
    turns.agree("values", "qlib values", 0.0);
    let mut measured = vec![
        turns.measurement("alpha158", "s", &params(2)),
        turns.measurement("alpha158 an output", "ns", &params(1)),
    ];
    for peer in ["qlib alpha158", "kunquant alpha158 in double", "kunquant alpha158 in float"] {
        measured.push(turns.measurement(peer, "s", &params(2)));
        measured.push(turns.ratio("alpha158", peer));
    }
    let mut measured: Vec<_> = measured.into_iter().flatten().collect();
    measured.extend(growth(&panel, &exprs));
    measured
}

fn both(panel: &Panel, exprs: &[NamedExpr]) -> Figures {
    let (two, frame) = timed(panel, exprs, 2);
    let columns = (0..exprs.len()).map(|column| frame.column(column));
    let values = columns.flatten().filter(|value| !value.is_nan()).count();
    drop(frame);
    let (one, frame) = timed(panel, exprs, 1);
    let each = one * 1e9 / (frame.rows() * exprs.len()) as f64;
    let figures = [("alpha158", two), ("alpha158 an output", each), ("values", values as f64)];
    figures.map(|(name, value)| figure(name, value)).into()
}

fn timed(panel: &Panel, exprs: &[NamedExpr], threads: usize) -> (f64, FeatureFrame) {
    let start = Instant::now();
    let frame = compute(panel, exprs, threads).unwrap();
    (start.elapsed().as_secs_f64(), frame)
}

fn growth(panel: &Panel, exprs: &[NamedExpr]) -> Option<Measurement> {
    let double = market(2 * panel.instruments().len(), BARS);
    let (once, twice) = ("alpha158", "alpha158 of twice the instruments");
    let ours = || {
        let seconds = [(once, panel), (twice, &double)];
        seconds.map(|(name, panel)| figure(name, timed(panel, exprs, 2).0)).into()
    };
    Turns::take(TURNS, ours, []).ratio(twice, once)
}

/// Alpha158 of a market 20 times as large, each run in a process of its own: time, memory, and
/// how many times as much a cell costs as in the usual market. The columns are handed on part by
/// part, as `alphafleet factors compute` does: the memory is that of the bars and of one part.
pub fn large(scale: Scale) -> Vec<Measurement> {
    let sizes = [("alpha158 large", LARGE), ("alpha158 usual", (300, BARS))];
    let ours = || {
        let mut figures = Figures::new();
        for (name, (instruments, bars)) in sizes {
            let instruments = scale.of(instruments);
            let found = child::run("alpha158", &[instruments, bars].map(|size| size.to_string()));
            let [seconds, mb, rows] = ["seconds", "mb", "rows"].map(|name| found[name][0]);
            figures.extend([
                figure(name, seconds),
                figure(&format!("{name} memory"), mb),
                figure(&format!("{name} a cell"), seconds / rows),
                figure(&format!("{name} memory a cell"), mb / rows),
            ]);
        }
        figures
    };
    let turns = Turns::take(3, ours, []);
    let params = json!({ "instruments": scale.of(LARGE.0), "bars": LARGE.1, "threads": 2 });
    let measured = [
        turns.measurement("alpha158 large", "s", &params),
        turns.measurement("alpha158 large memory", "MB", &params),
        turns.ratio("alpha158 large a cell", "alpha158 usual a cell"),
        turns.ratio("alpha158 large memory a cell", "alpha158 usual memory a cell"),
    ];
    measured.into_iter().flatten().collect()
}

/// The child's part of [`large`]: one run, with nothing computed before.
pub fn alone(sizes: &[String]) -> Figures {
    let [instruments, bars] = [0, 1].map(|at| sizes[at].parse().unwrap());
    let panel = market(instruments, bars);
    let exprs = alphafleet_factors::alpha158().unwrap();
    child::forget_peak();
    let start = Instant::now();
    let (mut rows, mut values) = (0, 0);
    for part in instrument_parts(&panel, exprs.len()) {
        let frame = compute(&panel.instruments_in(part), &exprs, 2).unwrap();
        let columns = (0..exprs.len()).map(|column| frame.column(column));
        values += columns.flatten().filter(|value| !value.is_nan()).count();
        rows += frame.rows();
    }
    let seconds = start.elapsed().as_secs_f64();
    let figures = [
        ("seconds", seconds),
        ("mb", child::peak_mb()),
        ("rows", rows as f64),
        ("values", values as f64),
    ];
    figures.map(|(name, value)| figure(name, value)).into()
}

pub fn size(panel: &Panel, outputs: usize, threads: usize) -> Value {
    json!({
        "instruments": panel.instruments().len(), "bars": panel.calendar().len(),
        "outputs": outputs, "threads": threads,
    })
}
