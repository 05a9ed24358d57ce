//! How fast the engine is, one JSON object a line: `cargo run --release --example speed`.
#![allow(clippy::unwrap_used, clippy::expect_used, clippy::disallowed_methods)]

use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Instant;

use alphafleet_backtest::qlib::{QlibConfig, QlibMarket, run_qlib};
use alphafleet_backtest::strategies::{MovingAverageCross, MovingAverageCrossConfig, Sizing};
use alphafleet_backtest::{Config, CostConfig, Market, Signal, run};
use alphafleet_factors::DateRange;
use alphafleet_market::{Panel, PanelBuilder, PanelRow, business_days};
use chrono::NaiveDate;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const FIELDS: [&str; 7] = ["open", "high", "low", "close", "volume", "factor", "change"];

fn panel(instruments: usize, bars: usize) -> Panel {
    let mut rng = ChaCha8Rng::seed_from_u64(1);
    let start = NaiveDate::from_ymd_opt(2011, 1, 3).unwrap();
    let days = business_days(start, bars);
    let mut builder = PanelBuilder::new(FIELDS);
    for instrument in 0..instruments {
        let name = format!("S{instrument:04}");
        let mut close: f64 = 20.0;
        for &day in &days {
            let change = rng.random_range(-0.03..0.0301);
            let open = close * (1.0 + rng.random_range(-0.005..0.005));
            close *= 1.0 + change;
            let (high, low) = (open.max(close) * 1.003, open.min(close) * 0.997);
            let values = [open, high, low, close, 1e7, 1.0, change];
            builder.push(PanelRow { instrument: &name, time: day, values: &values }).unwrap();
        }
    }
    builder.build().unwrap()
}

fn period(panel: &Panel, skip: usize) -> DateRange {
    let calendar = panel.calendar();
    DateRange { start: calendar[skip].date(), end: calendar.last().unwrap().date() }
}

/// The median of several runs, in seconds.
fn median(mut once: impl FnMut()) -> f64 {
    let mut times: Vec<f64> = (0..9)
        .map(|_| {
            let start = Instant::now();
            once();
            start.elapsed().as_secs_f64()
        })
        .collect();
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn topk_dropout() {
    let panel = panel(300, 600);
    let mut rng = ChaCha8Rng::seed_from_u64(2);
    let scores: Vec<f64> =
        (0..300 * 600).map(|_| f64::from(rng.random_range(-5_000..5_000)) * 1e-4).collect();
    let signal = Signal::from_column(&panel, &scores).unwrap();
    let config = serde_json::json!({ "period": period(&panel, 1) });
    let config: QlibConfig = serde_json::from_value(config).unwrap();
    let mut market = None;
    let prepare = median(|| {
        market = Some(QlibMarket::prepare(&panel, &config.exchange, config.period).unwrap());
    });
    let market = market.unwrap();
    let mut orders = 0;
    let run = median(|| {
        let mut observe = |_: &_| ControlFlow::Continue(());
        orders = run_qlib(&market, &signal, &config, &mut observe).unwrap().orders.len();
    });
    println!(
        "{}",
        serde_json::json!({ "bench": "backtest", "instruments": 300, "days": 599, "orders": orders,
            "prepare_ms": prepare * 1e3, "run_ms": run * 1e3 })
    );
}

fn moving_average_cross() {
    let panel = Arc::new(panel(100, 2500));
    let config = Config {
        capital: 1e8,
        costs: CostConfig { open_rate: 0.001, close_rate: 0.001, ..CostConfig::default() },
        ..Config::new(period(&panel, 0))
    };
    let mut market = None;
    let prepare = median(|| market = Some(Market::prepare(panel.clone(), &[]).unwrap()));
    let market = market.unwrap();
    let mut fills = 0;
    let seconds = median(|| {
        let mut strategy = MovingAverageCross::new(MovingAverageCrossConfig {
            fast: 10,
            slow: 50,
            sizing: Sizing::Value(1e6),
            short: false,
        })
        .unwrap();
        let mut observe = |_: &_| ControlFlow::Continue(());
        fills = run(&market, &config, &mut strategy, &mut observe).unwrap().fills.len();
    });
    println!(
        "{}",
        serde_json::json!({ "bench": "backtest-bars", "bars": 250_000, "fills": fills,
            "prepare_ms": prepare * 1e3, "run_ms": seconds * 1e3,
            "bars_per_second": 250_000.0 / seconds })
    );
}

fn main() {
    topk_dropout();
    moving_average_cross();
}
