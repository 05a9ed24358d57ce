use serde_json::Value;

use crate::output;

/// Figures whose numbers are money, or counts.
const WHOLE: [&str; 4] = ["final_equity", "gain", "costs", "trades"];

/// Prints a backtest's result: what ran, and its key figures.
pub fn print(result: &Value) {
    let text = |field: &str| result[field].as_str().unwrap_or_default();
    let period = &result["period"];
    let day = |field: &str| period[field].as_str().unwrap_or_default();
    println!(
        "{} ({}), {} to {}, {} bars",
        text("strategy"),
        text("engine"),
        day("start"),
        day("end"),
        period["bars"]
    );
    if let Some(best) = result["best"].as_object() {
        let values = best.iter().map(|(path, value)| format!("{path} = {value}"));
        let values = values.collect::<Vec<_>>().join(", ");
        println!(
            "best of {} by {}: {values}",
            result["ran"],
            result["objective"].as_str().unwrap_or_default()
        );
    }
    let metrics = result["metrics"].as_object();
    let rows = metrics.into_iter().flatten().filter_map(|(name, value)| {
        let value = value.as_f64()?;
        let shown = match WHOLE.contains(&name.as_str()) {
            true => format!("{value:.0}"),
            false => format!("{value:.4}"),
        };
        Some([name.clone(), shown])
    });
    println!("{}", output::table(["figure", "value"], &[1], rows.collect()));
}
