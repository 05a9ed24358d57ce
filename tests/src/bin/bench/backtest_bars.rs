use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use alphafleet_backtest::strategies::{MovingAverageCross, MovingAverageCrossConfig, Sizing};
use alphafleet_backtest::{Config, CostConfig, Market, run as walk};
use alphafleet_factors::DateRange;
use alphafleet_market::Panel;
use serde_json::json;

use crate::market::{MarketFile, complete_market};
use crate::measurement::Measurement;
use crate::peer::{Peer, Script};
use crate::scale::Scale;
use crate::turns::{Figures, Turns, figure};

const TURNS: usize = 9;
pub const CAPITAL: f64 = 1e8;
pub const QUANTITY: f64 = 100.0;
const FAST: usize = 10;
const SLOW: usize = 50;
const FEE: f64 = 0.001;

/// A moving-average cross of 100 instruments over 2,500 bars, event by event with orders and fees,
/// on one thread. Beside it vectorbt, which must end with the same equity.
pub fn run(scale: Scale) -> Vec<Measurement> {
    let panel = Arc::new(complete_market(scale.of(100), 2_500));
    let turns = {
        let file = MarketFile::write(&panel);
        let script =
            Script { environment: "vectorbt", file: "bench-backtest.py", work: "vectorbt" };
        let given = json!({
            "capital": CAPITAL, "quantity": QUANTITY, "fast": FAST, "slow": SLOW, "fee": FEE,
        });
        let peer = Peer::start(script, file.path(), &given);
        Turns::take(TURNS, || ours(&panel), [peer])
    };
    turns.agree("equity", "vectorbt equity", 1e-6);
    let (bars, peer) = ("backtest-bars", "vectorbt backtest-bars");
    let params = json!({
        "instruments": panel.instruments().len(), "bars": panel.calendar().len(), "threads": 1,
    });
    let measured = [
        turns.measurement("backtest-bars prepare", "ms", &params),
        turns.measurement(bars, "bars/s", &params),
        turns.measurement(peer, "bars/s", &params),
        turns.ratio(bars, peer),
    ];
    measured.into_iter().flatten().collect()
}

fn ours(panel: &Arc<Panel>) -> Figures {
    let start = Instant::now();
    let market = Market::prepare(Arc::clone(panel), &[]).unwrap();
    let prepared = start.elapsed().as_secs_f64();
    let mut strategy = MovingAverageCross::new(cross(FAST, SLOW)).unwrap();
    let mut observe = |_: &_| ControlFlow::Continue(());
    let result = walk(&market, &config(panel, FEE), &mut strategy, &mut observe).unwrap();
    let seconds = start.elapsed().as_secs_f64() - prepared;
    assert!(result.fills.len() > panel.instruments().len(), "it trades");
    let bars = (panel.instruments().len() * panel.calendar().len()) as f64;
    let figures = [
        ("backtest-bars prepare", prepared * 1e3),
        ("backtest-bars", bars / seconds),
        ("equity", result.days.last().unwrap().equity),
    ];
    figures.map(|(name, value)| figure(name, value)).into()
}

pub fn cross(fast: usize, slow: usize) -> MovingAverageCrossConfig {
    MovingAverageCrossConfig { fast, slow, sizing: Sizing::Quantity(QUANTITY), short: false }
}

/// The whole calendar, dealt at the next open, the same fee either way.
pub fn config(panel: &Panel, fee: f64) -> Config {
    let calendar = panel.calendar();
    let (start, end) = (calendar[0].date(), calendar[calendar.len() - 1].date());
    Config {
        capital: CAPITAL,
        costs: CostConfig { open_rate: fee, close_rate: fee, ..CostConfig::default() },
        ..Config::new(DateRange { start, end })
    }
}
