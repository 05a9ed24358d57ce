//! What computations and evaluations of features came to, for a person.

use serde_json::Value;

use super::data::print_findings;
use crate::output::{self, thousands};

/// Prints how many columns were computed and read.
pub fn print_computation(result: &Value) {
    let number = |field: &str| result.get(field).and_then(Value::as_u64).unwrap_or_default();
    let features = result.get("features").and_then(Value::as_array).map_or(0, Vec::len);
    let (rows, computed, cached) =
        (thousands(number("rows")), number("computed"), number("cached"));
    println!("{features} features on {rows} bars: {computed} computed, {cached} from the cache");
    print_findings(&result["findings"]);
}

/// Prints the best factors by rank ICIR of the primary horizon.
pub fn print_evaluation(result: &Value) {
    let number = |field: &str| result.get(field).and_then(Value::as_u64).unwrap_or_default();
    println!(
        "{} factors on {} instruments and {} bars; the best by rank ICIR over {} bars:",
        number("factors"),
        thousands(number("instruments")),
        thousands(number("bars")),
        result["horizons"][0],
    );
    let best = result.get("best").and_then(Value::as_array);
    let row = |factor: &Value| {
        let figure = |field: &str| {
            let value = factor.get(field).and_then(Value::as_f64);
            value.map_or("–".to_owned(), |value| format!("{value:.4}"))
        };
        let name = factor.get("name").and_then(Value::as_str).unwrap_or_default().to_owned();
        [
            name,
            figure("rank_ic"),
            figure("rank_icir"),
            figure("t_newey_west"),
            figure("ic"),
            figure("spread"),
            figure("turnover"),
        ]
    };
    let rows = best.into_iter().flatten().map(row).collect();
    let header = ["factor", "rank IC", "rank ICIR", "t (NW)", "IC", "spread", "turnover"];
    println!("{}", output::table(header, &[1, 2, 3, 4, 5, 6], rows));
    print_findings(&result["findings"]);
}
