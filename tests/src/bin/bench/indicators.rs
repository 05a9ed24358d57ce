use std::time::Instant;

use alphafleet_factors::{INDICATOR_SET, NamedExpr, compute_double};
use alphafleet_market::Panel;
use serde_json::json;

use crate::factors::size;
use crate::market::{MarketFile, market};
use crate::measurement::Measurement;
use crate::peer::{Peer, Script};
use crate::scale::Scale;
use crate::turns::{Figures, Turns, figure};

const TURNS: usize = 15;

/// Thirteen indicators, in the order of the peer: Bollinger bands have three values, the
/// stochastic oscillator two.
const NAMES: [&str; 16] = [
    "sma_20",
    "ema_20",
    "bb_upper_20_2",
    "bb_middle_20_2",
    "bb_lower_20_2",
    "sar_002_02",
    "rsi_14",
    "stoch_k_14_3_3",
    "stoch_d_14_3_3",
    "willr_14",
    "cci_20",
    "obv",
    "ad",
    "atr_14",
    "vwap_20_numpy",
    "hv_20_252_ddof1",
];

/// Technical indicators in double precision, on one thread and on two, beside TA-Lib, which has
/// one.
pub fn run(scale: Scale) -> Vec<Measurement> {
    let panel = market(scale.of(300), 2_500);
    let exprs = NAMES.map(|name| {
        let (_, source) = INDICATOR_SET.iter().find(|(known, _)| *known == name).unwrap();
        NamedExpr::parse(name, source).unwrap()
    });
    let turns = {
        let file = MarketFile::write(&panel);
        let script = Script { environment: "qlib", file: "bench-factors.py", work: "talib" };
        let peer = Peer::start(script, file.path(), &json!({}));
        Turns::take(TURNS, || both(&panel, &exprs), [peer])
    };
    // Volatility and VWAP are sums in another order.
    turns.agree("last bars", "ta-lib last bars", 1e-6);
    let (ours, peer) = (["indicators", "indicators on two threads"], "ta-lib indicators");
    let params = |threads| size(&panel, exprs.len(), threads);
    let measured = [
        turns.measurement(ours[0], "ms", &params(1)),
        turns.measurement(ours[1], "ms", &params(2)),
        turns.measurement(peer, "ms", &params(1)),
        turns.ratio(ours[0], peer),
        turns.ratio(ours[1], peer),
    ];
    measured.into_iter().flatten().collect()
}

fn both(panel: &Panel, exprs: &[NamedExpr]) -> Figures {
    let run = |threads| {
        let start = Instant::now();
        let frame = compute_double(panel, exprs, threads).unwrap();
        (start.elapsed().as_secs_f64() * 1e3, frame)
    };
    let (two, _) = run(2);
    let (one, frame) = run(1);
    let last = |column: usize| -> f64 {
        (0..frame.instruments()).map(|i| frame.column(column)[frame.cells(i).end - 1]).sum()
    };
    let last = (0..exprs.len()).map(last).collect();
    let mut figures: Figures =
        [figure("indicators", one), figure("indicators on two threads", two)].into();
    figures.insert("last bars".to_owned(), last);
    figures
}
