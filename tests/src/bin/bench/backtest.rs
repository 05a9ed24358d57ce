use std::ops::ControlFlow;
use std::time::Instant;

use alphafleet_backtest::Signal;
use alphafleet_backtest::qlib::{QlibConfig, QlibMarket, run_qlib};
use alphafleet_market::{Panel, planted_signal};
use serde_json::json;

use crate::market::{MarketFile, market};
use crate::measurement::Measurement;
use crate::peer::{Peer, Script};
use crate::scale::Scale;
use crate::turns::{Figures, Turns, figure};

const TURNS: usize = 15;
const SLOW_TURNS: usize = 3;

/// Qlib's daily backtest of its top-k dropout strategy, 50 held and 5 replaced a day over 599
/// days; preparing the market and running apart. Beside it Qlib, which must end with the same
/// account.
pub fn run(scale: Scale) -> Vec<Measurement> {
    let panel = scored(market(scale.of(300), 600));
    let signal = Signal::from_column(&panel, panel.field("score").unwrap()).unwrap();
    let calendar = panel.calendar();
    let (start, end) = (calendar[1].date(), calendar[calendar.len() - 1].date());
    let benchmark = &panel.instruments()[..1];
    let choice = json!({ "topk": 50, "n_drop": 5 });
    let config: QlibConfig = serde_json::from_value(json!({
        "period": { "start": start, "end": end }, "capital": 1e8, "benchmark": benchmark,
        "strategy": choice,
    }))
    .unwrap();
    let turns = {
        let file = MarketFile::write(&panel);
        let script = Script { environment: "qlib", file: "bench-backtest.py", work: "qlib" };
        let given = json!({
            "period": [start, end], "capital": 1e8, "benchmark": benchmark, "strategy": choice,
        });
        let peer = Peer::start(script, file.path(), &given).map(|qlib| qlib.at_most(SLOW_TURNS));
        Turns::take(TURNS, || ours(&panel, &signal, &config), [peer])
    };
    turns.agree("account", "qlib account", 1e-6);
    turns.agree("days", "qlib days", 0.0);
    let params = json!({ "instruments": panel.instruments().len(), "days": calendar.len() - 1 });
    let (all, peer) = ("backtest", "qlib backtest");
    let names = ["backtest prepare", "backtest run", all, peer];
    let figures = names.map(|name| turns.measurement(name, "ms", &params));
    figures.into_iter().chain([turns.ratio(all, peer)]).flatten().collect()
}

fn ours(panel: &Panel, signal: &Signal, config: &QlibConfig) -> Figures {
    let start = Instant::now();
    let market = QlibMarket::prepare(panel, &config.exchange, config.period).unwrap();
    let prepared = start.elapsed().as_secs_f64() * 1e3;
    let mut observe = |_: &_| ControlFlow::Continue(());
    let result = run_qlib(&market, signal, config, &mut observe).unwrap();
    let ended = start.elapsed().as_secs_f64() * 1e3;
    assert!(result.orders.len() > result.days.len(), "it trades");
    let figures = [
        ("backtest prepare", prepared),
        ("backtest run", ended - prepared),
        ("backtest", ended),
        ("account", result.days.last().unwrap().account),
        ("days", result.days.len() as f64),
    ];
    figures.map(|(name, value)| figure(name, value)).into()
}

/// With each bar's change over the last close, and scores.
fn scored(panel: Panel) -> Panel {
    let close = panel.field("close").unwrap();
    let mut change = Vec::with_capacity(close.len());
    for series in close.chunks_exact(panel.calendar().len()) {
        let mut last = f64::NAN;
        for &close in series {
            change.push(close / last - 1.0);
            last = if close.is_nan() { last } else { close };
        }
    }
    let scores = planted_signal(&panel);
    panel.with_field("change", change).unwrap().with_field("score", scores).unwrap()
}
