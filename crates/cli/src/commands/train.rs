use std::process::ExitCode;

use serde_json::{Map, Value, json};

use super::connect::connect;
use super::{local, session};
use crate::args::{Global, Train};
use crate::client::IdempotencyKey;
use crate::failure::Usage;
use crate::output;

pub async fn run(global: &Global, train: Train) -> anyhow::Result<ExitCode> {
    if let (Some(config), Some(out)) = (&train.local, &train.out) {
        return local::run(global, config.clone(), train.data, out.clone()).await;
    }
    let api = connect(global)?;
    let strategy = api.strategy(train.strategy.as_deref().unwrap_or_default()).await?;
    let body = json!({
        "dataset_name": train.dataset,
        "model_type": train.model,
        "parameters": parameters(&train.parameters)?,
    });
    let key = train.idempotency_key.map_or_else(IdempotencyKey::fresh, IdempotencyKey);
    let started = api.train(&strategy, &body, &key).await?;
    if train.watch {
        return session::follow(global, &api, started.id).await;
    }
    match global.json {
        true => output::json(&started)?,
        false => println!("session {}: alphafleet session watch {}", started.id, started.id),
    }
    Ok(ExitCode::SUCCESS)
}

/// `--set` as it was given: values are JSON or plain text.
pub fn parameters(pairs: &[String]) -> Result<Map<String, Value>, Usage> {
    pairs
        .iter()
        .map(|pair| {
            let (name, value) =
                pair.split_once('=').filter(|(name, _)| !name.is_empty()).ok_or_else(|| {
                    Usage(format!("--set {pair}: expected NAME=VALUE, e.g. num_leaves=64"))
                })?;
            let value = serde_json::from_str(value).unwrap_or_else(|_| value.into());
            Ok((name.to_owned(), value))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn values_are_json_or_plain_text() {
        let pairs = ["a=1", "b=0.5", "c=true", "d=ridge", "e=x=y"].map(str::to_owned);
        let expected = json!({ "a": 1, "b": 0.5, "c": true, "d": "ridge", "e": "x=y" });
        assert_eq!(Value::Object(parameters(&pairs).unwrap()), expected);
        assert!(parameters(&["novalue".to_owned()]).is_err());
        assert!(parameters(&["=1".to_owned()]).is_err());
    }
}
