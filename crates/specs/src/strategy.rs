use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value, json};

use crate::{Fault, FaultCode, Faults, ModelType, TrainingSpec};

/// A strategy's stored configuration: a training document of which every part may be left out,
/// the dataset too. What is absent stays absent, so that it takes the default of the day it runs.
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
        let mut complete = fields.clone();
        if complete.get("dataset").is_none_or(Value::is_null) {
            complete.insert("dataset".to_owned(), json!({"name": "unnamed"}));
        }
        TrainingSpec::from_value(&Value::Object(complete))?;
        Ok(Self(fields.clone()))
    }

    /// Reads TOML text.
    pub fn from_toml(text: &str) -> Result<Self, Faults> {
        Self::from_value(&crate::document::toml(text)?)
    }

    pub fn to_value(&self) -> Value {
        Value::Object(self.0.clone())
    }

    pub(crate) fn fields(&self) -> &Map<String, Value> {
        &self.0
    }

    /// The model it trains.
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
    pub description: &'static str,
    /// A complete configuration but for the dataset: every default is written out.
    pub configuration: Value,
}

/// The templates there are.
pub fn templates() -> Vec<Template> {
    vec![
        Template {
            name: "lightgbm_alpha158",
            title: "LightGBM on Alpha158",
            description: "Gradient boosted trees on 158 price and volume factors, predicting the \
                          next day's cross-section of returns.",
            configuration: complete(ModelType::LightGbm),
        },
        Template {
            name: "linear_alpha158",
            title: "Ridge regression on Alpha158",
            description: "A linear model on the same factors, robustly scaled: the baseline that \
                          anything larger has to beat.",
            configuration: complete(ModelType::Linear),
        },
    ]
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
