use std::path::Path;
use std::process::ExitCode;

use alphafleet_factors::Expr;
use serde_json::json;

use super::fundamentals;
use crate::failure::Usage;
use crate::output;

/// Says what an expression reads; points at the character where it is none.
pub fn run(json: bool, expression: &str, announcements: Option<&Path>) -> anyhow::Result<ExitCode> {
    let expr = Expr::parse(expression).map_err(|error| {
        let pointer = error.pointer(expression).map(|text| format!("\n{text}"));
        Usage(format!("{error}{}", pointer.unwrap_or_default()))
    })?;
    if let Some(file) = announcements {
        fundamentals::check(file, &expr)?;
    }
    let (back, ahead) = (expr.look_back(), expr.look_ahead());
    if json {
        output::json(&json!({
            "expression": expr.to_string(), "fields": expr.fields(),
            "period_fields": expr.period_fields(),
            "look_back": back, "look_ahead": ahead,
        }))?;
    } else {
        let bars = expr.fields().into_iter().map(|field| format!("${field}"));
        let periods = expr.period_fields().into_iter().map(|field| format!("$${field}"));
        let fields: Vec<String> = bars.chain(periods).collect();
        let back = back.map_or("all of the past".to_owned(), |bars| format!("{bars} bars back"));
        println!("{expr}");
        println!("reads {}; looks {back}, {ahead} ahead", fields.join(", "));
        if ahead > 0 {
            println!("it may serve as a label, not as a feature: it reads the future");
        }
    }
    Ok(ExitCode::SUCCESS)
}
