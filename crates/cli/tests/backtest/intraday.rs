//! Bars of less than a day.

use serde_json::Value;

use super::{Folder, printed};

const PLAN: &str = "capital = 1000.0\n[strategy]\ntype = \"weights\"\nweighting = \"equal\"\n\
    every = 1\nexposure = 0.5\ntolerance = 0.2\n";

#[test]
fn annual_figures_of_intraday_bars_count_the_bars_of_a_year() {
    let folder = Folder::new();
    let mut text = "instrument,datetime,open,high,low,close,volume\n".to_owned();
    for day in 2..=9 {
        for hour in 10..=13 {
            let price = 100 + (day * 5 + hour * 3) % 7;
            let bar = format!("{price},{price},{price},{price}");
            text.push_str(&format!("A,2024-01-{day:02} {hour}:00:00,{bar},1000\n"));
        }
    }
    std::fs::write(folder.path("hours.csv"), text).unwrap();
    let metrics = |plan: &str| -> Value {
        let done = folder.backtest_on("hours.csv", plan, &["--json"]);
        let result: Value = serde_json::from_str(&printed(&done)).unwrap();
        let told = result["findings"]
            .as_array()
            .unwrap()
            .iter()
            .any(|found| found["code"] == "intraday_bars");
        let text = std::fs::read_to_string(folder.path("out").join("metrics.json")).unwrap();
        let metrics: Value = serde_json::from_str(&text).unwrap();
        let sharpe = metrics["conventions"]["sharpe"].as_str().unwrap();
        assert_eq!(told, sharpe.contains("days of 4 bars"), "{sharpe}");
        metrics
    };
    let by_days = metrics(PLAN);
    assert_eq!(by_days["bars_per_year"], 1008.0);
    let sharpe = by_days["conventions"]["sharpe"].as_str().unwrap();
    assert!(sharpe.contains("252 days of 4 bars"), "{sharpe}");
    // More than the days of a year can only be bars.
    let by_bars = metrics(&format!("bars_per_year = 1008\n{PLAN}"));
    for figure in ["sharpe", "annual_return", "annual_volatility", "sortino", "annual_turnover"] {
        assert_eq!(by_days[figure], by_bars[figure], "{figure}");
        assert!(by_days[figure].is_number(), "{figure}");
    }
}
