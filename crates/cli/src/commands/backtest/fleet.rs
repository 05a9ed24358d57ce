use std::process::ExitCode;

use serde_json::{Map, Value, json};

use super::sweep;
use crate::args::{Backtest, Global};
use crate::client::IdempotencyKey;
use crate::commands::connect::connect;
use crate::commands::session;
use crate::commands::train::parameters;
use crate::failure::Usage;
use crate::output;

/// Starts a backtest of a strategy on the fleet.
pub async fn run(global: &Global, name: &str, backtest: &Backtest) -> anyhow::Result<ExitCode> {
    let api = connect(global)?;
    let strategy = api.strategy(name).await?;
    let mut parameters = nested(&backtest.parameters)?;
    if !backtest.sessions.is_empty() {
        parameters.insert("sessions".to_owned(), json!(backtest.sessions));
    }
    let mut body = json!({
        "start_date": backtest.from,
        "end_date": backtest.to,
        "initial_capital": backtest.capital,
        "benchmark": backtest.benchmark,
        "parameters": parameters,
    });
    if let Some(path) = &backtest.sweep
        && let Value::Object(fields) = sweep::document(path)?
    {
        for (name, value) in fields {
            body[name] = value;
        }
    }
    let key = backtest.idempotency_key.clone();
    let key = key.map_or_else(IdempotencyKey::fresh, IdempotencyKey);
    let started = match backtest.sweep {
        Some(_) => api.sweep(&strategy, &body, &key).await?,
        None => api.backtest(&strategy, &body, &key).await?,
    };
    if backtest.watch {
        return session::follow(global, &api, started.id).await;
    }
    match global.json {
        true => output::json(&started)?,
        false => println!("session {}: alphafleet session watch {}", started.id, started.id),
    }
    Ok(ExitCode::SUCCESS)
}

/// `costs.open_rate=0.001` is a field of the object `costs`.
fn nested(pairs: &[String]) -> Result<Map<String, Value>, Usage> {
    let mut whole = Map::new();
    for (path, value) in parameters(pairs)? {
        let (folders, name) = path.rsplit_once('.').unwrap_or(("", &path));
        let mut place = &mut whole;
        for folder in folders.split('.').filter(|folder| !folder.is_empty()) {
            let inner = place.entry(folder).or_insert_with(|| json!({}));
            let Some(inner) = inner.as_object_mut() else {
                return Err(Usage(format!("--set {path}: {folder} was given as a value")));
            };
            place = inner;
        }
        place.insert(name.to_owned(), value);
    }
    Ok(whole)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn dots_lead_into_objects() {
        let pairs =
            ["lot=1", "costs.open_rate=0.001", "costs.minimum=5", "strategy.sizing.weight=0.1"];
        let expected = json!({
            "lot": 1, "costs": { "open_rate": 0.001, "minimum": 5 },
            "strategy": { "sizing": { "weight": 0.1 } },
        });
        assert_eq!(Value::Object(nested(&pairs.map(str::to_owned)).unwrap()), expected);
        assert!(nested(&["a=1", "a.b=2"].map(str::to_owned)).is_err());
    }
}
