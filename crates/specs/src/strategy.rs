use alphafleet_backtest::plan::PlanDraft;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

use crate::backtest::{canonical_type, read_section, rule_templates};
use crate::reader::{Findings, Reader};
use crate::{Fault, FaultCode, Faults, ModelType, TrainingSpec};

/// A strategy's stored configuration: a training document of which every part may be left out,
/// the dataset too, and in the section `backtest` a plan without its period. What is absent stays
/// absent, so that it takes the default of the day it runs.
///
/// A strategy of rules has no part of a model: only `backtest` with a plan that can do without
/// scores, and perhaps `dataset`, `universe` and `adjustment`.
#[derive(Debug, Clone, PartialEq, Default, Serialize)]
#[serde(transparent)]
pub struct StrategyConfig(Map<String, Value>);

impl StrategyConfig {
    /// Checks a document as if it were to be trained now, and keeps it as it was written.
    pub fn from_value(document: &Value) -> Result<Self, Faults> {
        let Value::Object(fields) = document else {
            let message = "a strategy's configuration is an object of fields";
            return Err(Fault::new("$", FaultCode::WrongType, message).into());
        };
        let findings = Findings::default();
        if let Some(mut reader) = Reader::open("", document, &findings) {
            read_section(&mut reader);
        }
        let mut complete = Self(fields.clone()).training();
        if complete.get("dataset").is_none_or(Value::is_null) {
            complete.insert("dataset".to_owned(), json!({"name": "unnamed"}));
        }
        let training = TrainingSpec::from_value(&Value::Object(complete));
        match (findings.into_result(()), training) {
            (Ok(()), Ok(_)) => Ok(Self(fields.clone())),
            (plan, training) => {
                let faults = [training.err(), plan.err()].into_iter().flatten();
                Err(Faults(faults.flat_map(|faults| faults.0).collect()))
            }
        }
    }

    /// Reads TOML text.
    pub fn from_toml(text: &str) -> Result<Self, Faults> {
        Self::from_value(&crate::document::toml(text)?)
    }

    pub fn to_value(&self) -> Value {
        Value::Object(self.0.clone())
    }

    /// The training document.
    pub(crate) fn training(&self) -> Map<String, Value> {
        let mut fields = self.0.clone();
        fields.shift_remove("backtest");
        fields
    }

    /// How it is backtested, if it says so.
    pub(crate) fn backtest(&self) -> Option<&Map<String, Value>> {
        self.0.get("backtest").and_then(Value::as_object)
    }

    /// Whether there is a model to train; else it is a strategy of rules.
    pub fn has_model(&self) -> bool {
        let of_data = ["backtest", "dataset", "universe", "adjustment"];
        let mut given = self.0.iter().filter(|(_, value)| !value.is_null());
        given.any(|(name, _)| !of_data.contains(&name.as_str()))
            || self.plan().is_none_or(|plan| plan.needs_signal())
    }

    fn plan(&self) -> Option<PlanDraft> {
        PlanDraft::from_value(self.0.get("backtest")?).ok()
    }

    /// What kind of strategy it is: its model's type, or its rules'.
    pub fn strategy_type(&self) -> &'static str {
        match self.plan() {
            Some(plan) if !self.has_model() => plan.strategy_type(),
            _ => self.model_type().name(),
        }
    }

    /// The name that strategies of a type are stored under, for one that a person may use.
    pub fn canonical_type(name: &str) -> &str {
        match ModelType::parse(name) {
            Some(model) => model.name(),
            None => canonical_type(name),
        }
    }

    /// The model it trains, if it has one.
    pub fn model_type(&self) -> ModelType {
        let named = self.0.get("model").and_then(|model| model.get("type")).and_then(Value::as_str);
        named.and_then(ModelType::parse).unwrap_or(ModelType::LightGbm)
    }

    /// The training document's schema with nothing required.
    pub fn json_schema() -> Value {
        let mut schema = TrainingSpec::json_schema();
        if let Some(schema) = schema.as_object_mut() {
            schema.remove("required");
            schema.insert("title".to_owned(), "StrategyConfig".into());
            schema["properties"]["backtest"] = json!({
                "description": "How it is backtested: a plan (see BacktestSpec) without its period.",
                "type": "object",
            });
        }
        schema
    }
}

impl<'de> Deserialize<'de> for StrategyConfig {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = Value::deserialize(deserializer)?;
        Self::from_value(&document).map_err(serde::de::Error::custom)
    }
}

/// A strategy to start from.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
pub struct Template {
    pub name: &'static str,
    pub title: &'static str,
    pub description: String,
    /// A complete configuration but for the dataset: every default is written out.
    pub configuration: Value,
}

/// The templates there are: models first, then strategies of rules.
pub fn templates() -> Vec<Template> {
    let mut templates = vec![
        Template {
            name: "lightgbm_alpha158",
            title: "LightGBM on Alpha158",
            description: "Gradient boosted trees on 158 price and volume factors, predicting the \
                          next day's cross-section of returns."
                .to_owned(),
            configuration: complete(ModelType::LightGbm),
        },
        Template {
            name: "linear_alpha158",
            title: "Ridge regression on Alpha158",
            description: "A linear model on the same factors, robustly scaled: the baseline that \
                          anything larger has to beat."
                .to_owned(),
            configuration: complete(ModelType::Linear),
        },
    ];
    templates.extend(rule_templates());
    templates
}

fn complete(model: ModelType) -> Value {
    let document = json!({"dataset": "unnamed", "model": {"type": model.name()}});
    let complete = TrainingSpec::from_value(&document).map(|spec| spec.to_value());
    let mut complete = complete.unwrap_or_default();
    if let Some(fields) = complete.as_object_mut() {
        fields.shift_remove("dataset");
    }
    complete
}
