use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::reader::{Findings, Reader};
use crate::{Fault, FaultCode, Faults, StrategyConfig, TrainRequest};

/// The body of `POST /api/train`: a [`TrainRequest`] that comes from another platform. It is laid
/// over a strategy of the caller's, or over the `config` it brings along, or over nothing.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct RemoteTrainRequest {
    /// A strategy of yours. Without one the session belongs to no strategy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub strategy_id: Option<String>,
    /// A partial training document (see the schema `TrainingSpec`), instead of a strategy.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub config: Option<Map<String, Value>>,
    /// Name of the experiment the session joins: by default the strategy's, or `remote`.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub experiment: Option<String>,
    /// Where to post the task when it has ended, as `http://` or `https://`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub callback_url: Option<String>,
    /// Among your own and others' sessions higher ones start first; 0 by default.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = -100, max = 100))]
    pub priority: Option<i16>,
    #[serde(flatten)]
    pub training: TrainRequest,
}

/// A remote request taken apart. What it says about the training itself is still to be laid over
/// its base by [`TrainRequest::resolve`].
#[derive(Debug, Clone, PartialEq)]
pub struct RemoteTraining {
    pub base: RemoteBase,
    pub experiment: Option<String>,
    pub callback_url: Option<String>,
    pub priority: i16,
    /// The body of a [`TrainRequest`].
    pub training: Value,
}

/// What a remote request builds on.
#[derive(Debug, Clone, PartialEq)]
pub enum RemoteBase {
    /// Id of a strategy, as it was written.
    Strategy(String),
    /// A configuration of the request's own; empty when it brought none.
    Config(StrategyConfig),
}

const LONGEST_NAME: usize = 128;
const OWN: [&str; 5] = ["strategy_id", "config", "experiment", "callback_url", "priority"];

impl RemoteTrainRequest {
    /// Takes a body apart. Faults name its fields; those of its own configuration begin with
    /// `config.`.
    pub fn take_apart(body: &Value) -> Result<RemoteTraining, Faults> {
        let findings = Findings::default();
        let Some(mut reader) = Reader::open("", body, &findings) else {
            return Err(findings.into_result(()).err().unwrap_or(Faults(Vec::new())));
        };
        let strategy = reader.text(&["strategy_id"]).map(|(_, id)| id.to_owned());
        let config = reader.take(&["config"]).map(|(_, config)| config);
        let experiment = reader.text(&["experiment"]).map(|(_, name)| name.to_owned());
        if experiment.as_ref().is_some_and(|name| name.chars().count() > LONGEST_NAME) {
            let message = format!("give at most {LONGEST_NAME} characters");
            reader.fault("experiment", FaultCode::OutOfRange, message);
        }
        let callback_url = reader.text(&["callback_url"]).map(|(_, url)| url.to_owned());
        let priority = reader.whole(&["priority"], -100..=100, 0);
        if strategy.is_some() && config.is_some() {
            let message = "stands beside strategy_id; give one of them";
            reader.fault("config", FaultCode::Conflict, message);
        }
        let mut training = body.as_object().cloned().unwrap_or_default();
        training.retain(|name, _| !OWN.contains(&name.as_str()));
        let base = match (strategy, config) {
            (Some(id), _) => Ok(RemoteBase::Strategy(id)),
            (None, None) => Ok(RemoteBase::Config(StrategyConfig::default())),
            (None, Some(config)) => own_config(config).map(RemoteBase::Config),
        };
        match (findings.into_result(()), base) {
            (Ok(()), Ok(base)) => Ok(RemoteTraining {
                base,
                experiment,
                callback_url,
                priority,
                training: Value::Object(training),
            }),
            (own, base) => {
                let faults = [own.err(), base.err()].into_iter().flatten();
                Err(Faults(faults.flat_map(|faults| faults.0).collect()))
            }
        }
    }

    /// Names the fields of a request's own configuration as the request does.
    pub fn rename(mut faults: Faults) -> Faults {
        for fault in &mut faults.0 {
            if let Some(rest) = fault.field.strip_prefix("strategy.") {
                fault.field = format!("config.{rest}");
            }
        }
        faults
    }
}

fn own_config(config: &Value) -> Result<StrategyConfig, Faults> {
    let within = |mut fault: Fault| {
        fault.field = match fault.field.as_str() {
            "$" => "config".to_owned(),
            field => format!("config.{field}"),
        };
        fault
    };
    StrategyConfig::from_value(config)
        .map_err(|faults| Faults(faults.0.into_iter().map(within).collect()))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use serde_json::json;

    use super::*;

    fn faults(body: Value) -> Vec<String> {
        let faults = RemoteTrainRequest::take_apart(&body).unwrap_err();
        faults.0.into_iter().map(|fault| fault.field).collect()
    }

    #[test]
    fn what_concerns_the_training_is_left_for_it() {
        let body = json!({
            "config": { "model": { "type": "linear" } }, "dataset_name": "bars", "epochs": 3,
            "callback_url": "https://lab.example/done", "priority": 5,
        });
        let taken = RemoteTrainRequest::take_apart(&body).unwrap();
        assert_eq!(taken.training, json!({ "dataset_name": "bars", "epochs": 3 }));
        assert_eq!(taken.callback_url.as_deref(), Some("https://lab.example/done"));
        assert_eq!(taken.priority, 5);
        let RemoteBase::Config(config) = taken.base else { panic!("{:?}", taken.base) };
        assert_eq!(config.to_value(), json!({ "model": { "type": "linear" } }));
    }

    #[test]
    fn every_bad_field_is_named() {
        let bad = json!({
            "strategy_id": "x", "config": {}, "priority": 1000, "experiment": "x".repeat(200),
            "callback_url": 7,
        });
        assert_eq!(faults(bad), ["experiment", "callback_url", "priority", "config"]);
        assert_eq!(faults(json!({ "config": { "sed": 1 } })), ["config.sed"]);
        assert_eq!(faults(json!({ "config": [] })), ["config"]);
        assert_eq!(faults(json!([])), ["$"]);
    }
}
