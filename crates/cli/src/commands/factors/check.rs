use std::process::ExitCode;

use alphafleet_factors::Expr;
use serde_json::json;

use crate::failure::Usage;
use crate::output;

/// Says what an expression reads; points at the character where it is none.
pub fn run(json: bool, expression: &str) -> anyhow::Result<ExitCode> {
    let expr = Expr::parse(expression).map_err(|error| {
        let pointer = error.pointer(expression).map(|text| format!("\n{text}"));
        Usage(format!("{error}{}", pointer.unwrap_or_default()))
    })?;
    let (back, ahead) = (expr.look_back(), expr.look_ahead());
    if json {
        output::json(&json!({
            "expression": expr.to_string(), "fields": expr.fields(),
            "look_back": back, "look_ahead": ahead,
        }))?;
    } else {
        let fields: Vec<String> = expr.fields().iter().map(|field| format!("${field}")).collect();
        let back = back.map_or("all of the past".to_owned(), |bars| format!("{bars} bars back"));
        println!("{expr}");
        println!("reads {}; looks {back}, {ahead} ahead", fields.join(", "));
        if ahead > 0 {
            println!("it may serve as a label, not as a feature: it reads the future");
        }
    }
    Ok(ExitCode::SUCCESS)
}
