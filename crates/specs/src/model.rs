use schemars::JsonSchema;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::FaultCode;
use crate::lightgbm::LightGbmParams;
use crate::linear::LinearParams;
use crate::reader::{Reader, nearest};

/// Which model to fit and with which parameters.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "lowercase")]
pub enum ModelSpec {
    /// Gradient boosted trees.
    LightGbm(LightGbmParams),
    /// Linear regression.
    Linear(LinearParams),
}

/// The kinds of model there are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ModelType {
    LightGbm,
    Linear,
}

impl ModelType {
    pub const ALL: [Self; 2] = [Self::LightGbm, Self::Linear];

    /// The name in documents.
    pub fn name(self) -> &'static str {
        match self {
            Self::LightGbm => "lightgbm",
            Self::Linear => "linear",
        }
    }

    /// Reads a name or one of its aliases (`lgbm`, `qlib_lightgbm`, …), without case.
    pub fn parse(text: &str) -> Option<Self> {
        match text.trim().to_ascii_lowercase().replace('-', "_").as_str() {
            "lightgbm" | "lgbm" | "lgb" | "lgbmodel" | "qlib_lightgbm" | "qlib_lgb"
            | "qlib_lgbm" => Some(Self::LightGbm),
            "linear" | "ridge" | "ols" | "linearmodel" | "qlib_linear" => Some(Self::Linear),
            _ => None,
        }
    }

    /// The parameter's name in documents for one of the names a person may give it.
    pub(crate) fn canonical_parameter(self, name: &str) -> &str {
        let names = match self {
            Self::LightGbm => crate::lightgbm::NAMES,
            Self::Linear => crate::linear::NAMES,
        };
        names.iter().find(|names| names.contains(&name)).map_or(name, |names| names[0])
    }

    fn defaults(self) -> ModelSpec {
        match self {
            Self::LightGbm => ModelSpec::LightGbm(LightGbmParams::default()),
            Self::Linear => ModelSpec::Linear(LinearParams::default()),
        }
    }
}

impl Default for ModelSpec {
    fn default() -> Self {
        ModelType::LightGbm.defaults()
    }
}

impl ModelSpec {
    pub fn model_type(&self) -> ModelType {
        match self {
            Self::LightGbm(_) => ModelType::LightGbm,
            Self::Linear(_) => ModelType::Linear,
        }
    }

    /// How many rounds a fit has at most; 1 for models that are solved at once.
    pub fn rounds(&self) -> u32 {
        match self {
            Self::LightGbm(params) => params.rounds,
            Self::Linear(_) => 1,
        }
    }

    pub(crate) fn read(mut reader: Reader<'_>) -> Self {
        let Some((name, text)) = reader.text(&["type"]) else {
            let known = known_types();
            let message = format!("say which model: {known}");
            reader.fault("type", FaultCode::Required, message);
            return Self::default();
        };
        let Some(model) = ModelType::parse(text) else {
            reader.fault(name, FaultCode::UnknownValue, unknown_type(text));
            return Self::default();
        };
        match model {
            ModelType::LightGbm => Self::LightGbm(LightGbmParams::read(reader)),
            ModelType::Linear => Self::Linear(LinearParams::read(reader, text)),
        }
    }
}

fn known_types() -> String {
    ModelType::ALL.map(ModelType::name).join(", ")
}

fn unknown_type(text: &str) -> String {
    let known = known_types();
    let short: String = text.chars().take(40).collect();
    match nearest(text, ModelType::ALL.iter().map(|model| model.name())) {
        Some(meant) => {
            format!("unknown model {short:?}; did you mean {meant}? Known models: {known}")
        }
        None => format!("unknown model {short:?}; known models: {known}"),
    }
}

/// Lays `over` on `base`, both the parameters of one model, whatever names they use.
pub(crate) fn merge_parameters(
    model: ModelType,
    base: &Map<String, Value>,
    over: &Map<String, Value>,
) -> Map<String, Value> {
    let same = |a: &str, b: &str| model.canonical_parameter(a) == model.canonical_parameter(b);
    let mut merged = base.clone();
    // A preset in the request stands for all parameters: those of the base no longer hold.
    if over.contains_key("preset") {
        merged.retain(|name, _| name == "type");
    }
    merged.retain(|name, _| !over.keys().any(|given| same(given, name)));
    merged.extend(over.iter().map(|(name, value)| (name.clone(), value.clone())));
    merged
}
