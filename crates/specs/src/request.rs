use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::model::merge_parameters;
use crate::reader::{Findings, Reader};
use crate::{Fault, FaultCode, Faults, ModelType, StrategyConfig, TrainingSpec};

/// The body of a request to train. It says what differs from the strategy's configuration; what
/// is absent in both takes the model's own default.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TrainRequest {
    /// The dataset to train on; may be left out when the strategy names one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset_name: Option<String>,
    /// A version of that dataset; absent takes the newest good one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub dataset_version: Option<String>,
    /// The model: `lightgbm`, `linear`, or one of their aliases.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub model_type: Option<String>,
    /// Another name for `model_type`.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub agent_type: Option<String>,
    /// Rounds or epochs at most.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1, max = 100_000))]
    pub epochs: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(max = 1), extend("exclusiveMinimum" = 0))]
    pub learning_rate: Option<f64>,
    /// For models that are trained in batches.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(range(min = 1))]
    pub batch_size: Option<u32>,
    /// Parameters of the model, and sections of the training document (`features`, `label`,
    /// `segments`, `seed`, …).
    #[serde(skip_serializing_if = "Map::is_empty")]
    pub parameters: Map<String, Value>,
}

/// Sections of a training document that a request's `parameters` may replace.
const SECTIONS: [&str; 12] = [
    "universe",
    "adjustment",
    "features",
    "label",
    "segments",
    "purge",
    "processors",
    "seed",
    "threads",
    "outputs",
    "limits",
    "checkpoint_every_rounds",
];

impl TrainRequest {
    /// Lays a request's body over a strategy's configuration and checks the whole.
    ///
    /// Faults name the fields of the body (`epochs`, `parameters.num_leaves`); those of the
    /// strategy's own configuration begin with `strategy.`.
    pub fn resolve(
        body: &Value,
        strategy: Option<&StrategyConfig>,
    ) -> Result<TrainingSpec, Faults> {
        if strategy.is_some_and(|strategy| !strategy.has_model()) {
            let message = "goes by rules and has no model to train; start a backtest instead, or \
                           give its configuration a model";
            return Err(Fault::new("strategy", FaultCode::NotSupported, message).into());
        }
        let findings = Findings::default();
        let base = strategy.map(StrategyConfig::training).unwrap_or_default();
        let merged = Reader::open("", body, &findings).map(|reader| Merge::new(base).body(reader));
        let own = findings.into_result(());
        let Some(merged) = merged else { return Err(own.err().unwrap_or(Faults(Vec::new()))) };
        let spec = TrainingSpec::from_value(&Value::Object(merged.document.clone()));
        match (own, spec) {
            (Ok(()), Ok(spec)) => Ok(spec),
            (own, spec) => {
                let mut faults = own.err().map(|own| own.0).unwrap_or_default();
                let spec = spec.err().into_iter().flat_map(|faults| faults.0);
                let renamed = spec.map(|fault| merged.renamed(fault, strategy.is_some()));
                let new = renamed.filter(|new| !faults.iter().any(|own| own.field == new.field));
                let new: Vec<Fault> = new.collect();
                faults.extend(new);
                Err(Faults(faults))
            }
        }
    }
}

/// The document under construction, and which of its paths came from which field of the body.
struct Merge {
    document: Map<String, Value>,
    origins: Vec<(String, String)>,
}

impl Merge {
    fn new(document: Map<String, Value>) -> Self {
        Self { document, origins: Vec::new() }
    }

    fn body(mut self, mut reader: Reader<'_>) -> Self {
        self.dataset(&mut reader);
        let named = model_name(&mut reader);
        let mut over = Map::new();
        for field in ["epochs", "learning_rate", "batch_size"] {
            if let Some((_, value)) = reader.take(&[field]) {
                self.origin(&format!("model.{field}"), field);
                over.insert(field.to_owned(), value.clone());
            }
        }
        if let Some((field, value)) = reader.take(&["parameters"]) {
            match value.as_object() {
                Some(parameters) => self.parameters(&reader, parameters, &mut over),
                None => reader.wrong_type(field, "an object of parameters", value),
            }
        }
        self.model(named, &over);
        reader.finish();
        self
    }

    fn origin(&mut self, path: &str, field: &str) {
        self.origins.push((path.to_owned(), field.to_owned()));
    }

    fn dataset(&mut self, reader: &mut Reader<'_>) {
        let name = reader.take(&["dataset_name"]).map(|(_, value)| value.clone());
        let version = reader.take(&["dataset_version"]).map(|(_, value)| value.clone());
        let configured = self.document.get("dataset").filter(|value| !value.is_null()).cloned();
        if name.is_none() && configured.is_none() {
            let message = "say which dataset to train on; the strategy names none";
            reader.fault("dataset_name", FaultCode::Required, message);
        }
        self.origin("dataset.version", "dataset_version");
        if name.is_some() || configured.is_none() {
            self.origin("dataset", "dataset_name");
            self.origin("dataset.name", "dataset_name");
        }
        let mut dataset = match (name, configured) {
            (Some(name), _) => json!({"name": name}),
            (None, Some(dataset @ Value::Object(_))) => dataset,
            (None, Some(name)) => json!({"name": name}),
            (None, None) => return,
        };
        if let Some(version) = version {
            dataset["version"] = version;
        }
        self.document.insert("dataset".to_owned(), dataset);
    }

    fn parameters(
        &mut self,
        reader: &Reader<'_>,
        parameters: &Map<String, Value>,
        over: &mut Map<String, Value>,
    ) {
        for (name, value) in parameters.iter().filter(|(_, value)| !value.is_null()) {
            let field = format!("parameters.{name}");
            if SECTIONS.contains(&name.as_str()) {
                self.origin(name, &field);
                self.document.insert(name.clone(), value.clone());
            } else if name == "type" {
                let message = "is not a parameter; name the model by model_type";
                reader.fault(&field, FaultCode::UnknownField, message);
            } else if over.get(name).is_some_and(|given| given != value) {
                let message = format!("contradicts {name} beside it; give one of them");
                reader.fault(&field, FaultCode::Conflict, message);
            } else {
                if !over.contains_key(name) {
                    self.origin(&format!("model.{name}"), &field);
                }
                over.insert(name.clone(), value.clone());
            }
        }
    }

    fn model(&mut self, named: Option<(&'static str, String)>, over: &Map<String, Value>) {
        let configured = self.document.get("model").and_then(Value::as_object).cloned();
        let mut base = configured.unwrap_or_else(|| {
            Map::from_iter([("type".to_owned(), ModelType::LightGbm.name().into())])
        });
        let was = base.get("type").and_then(Value::as_str).and_then(ModelType::parse);
        if let Some((field, name)) = named {
            let wanted = ModelType::parse(&name);
            if wanted != was {
                base.clear();
                // They were chosen for the other model; this one has its own.
                if !self.origins.iter().any(|(path, _)| path == "processors") {
                    self.document.shift_remove("processors");
                }
            } else if matches!(name.to_ascii_lowercase().as_str(), "ols" | "ridge") {
                base.shift_remove("estimator");
            }
            self.origin("model.type", field);
            base.shift_insert(0, "type".to_owned(), name.into());
        }
        let model = base.get("type").and_then(Value::as_str).and_then(ModelType::parse);
        let merged = match model {
            Some(model) => merge_parameters(model, &base, over),
            None => base,
        };
        self.document.insert("model".to_owned(), Value::Object(merged));
    }

    fn renamed(&self, mut fault: Fault, has_strategy: bool) -> Fault {
        let within = |path: &str| {
            let rest = fault.field.strip_prefix(path)?;
            (rest.is_empty() || rest.starts_with(['.', '['])).then(|| rest.to_owned())
        };
        let matches = self.origins.iter().filter_map(|(path, field)| {
            within(path).map(|rest| (path.len(), format!("{field}{rest}")))
        });
        match matches.max_by_key(|(length, _)| *length) {
            Some((_, field)) => fault.field = field,
            None if has_strategy => fault.field = format!("strategy.{}", fault.field),
            None => {}
        }
        fault
    }
}

fn model_name(reader: &mut Reader<'_>) -> Option<(&'static str, String)> {
    let own = |(field, name): (&'static str, &str)| (field, name.to_owned());
    let model = reader.text(&["model_type"]).map(own);
    let agent = reader.text(&["agent_type"]).map(own);
    if let (Some((_, model)), Some((field, agent))) = (&model, &agent) {
        let (first, second) = (ModelType::parse(model), ModelType::parse(agent));
        if first != second || first.is_none() && model != agent {
            let message = format!("says {agent:?} but model_type says {model:?}; give one of them");
            reader.fault(field, FaultCode::Conflict, message);
        }
    }
    model.or(agent)
}
