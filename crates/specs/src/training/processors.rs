use alphafleet_factors::{Processor as Step, Target};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::reader::{Bounds, Reader, nearest};
use crate::{FaultCode, ModelType};

/// Which columns a processor works on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Columns {
    Feature,
    Label,
}

/// One step between the raw columns and the model; definitions are Qlib's
/// (`qlib/data/dataset/processor.py`).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, JsonSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schemars(deny_unknown_fields)]
pub enum Processor {
    /// Drop the rows without a label.
    #[serde(rename = "dropna_label")]
    DropNaLabel,
    /// On each bar: subtract the mean, divide by the standard deviation.
    #[serde(rename = "cs_zscore_norm")]
    CsZscoreNorm { fields: Columns },
    /// On each bar: ranks, centred and scaled to about unit variance.
    CsRankNorm { fields: Columns },
    /// On each bar: the mean where a value is missing.
    #[serde(rename = "cs_zfillna")]
    CsZFillNa { fields: Columns },
    /// Subtract the training segment's mean, divide by its standard deviation.
    #[serde(rename = "zscore_norm")]
    ZscoreNorm,
    /// Scale so that the training segment spans 0 to 1.
    #[serde(rename = "min_max_norm")]
    MinMaxNorm,
    /// Subtract the training segment's median, divide by its scaled median absolute deviation.
    #[serde(rename = "robust_zscore_norm")]
    RobustZscoreNorm {
        /// Clip to ±3 afterwards.
        clip: bool,
    },
    /// Put a value where a feature is missing.
    #[serde(rename = "fillna")]
    FillNa { value: f32 },
}

const NAMES: [&str; 8] = [
    "dropna_label",
    "cs_zscore_norm",
    "cs_rank_norm",
    "cs_zfillna",
    "zscore_norm",
    "min_max_norm",
    "robust_zscore_norm",
    "fillna",
];

/// The steps, in order. `infer` runs on every row, `learn` after it on those of train and valid.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Processors {
    #[schemars(default)]
    pub infer: Vec<Processor>,
    #[schemars(default)]
    pub learn: Vec<Processor>,
}

impl Default for Processors {
    fn default() -> Self {
        Self::of_model(ModelType::LightGbm)
    }
}

impl Processors {
    /// What a model gets unless it is told otherwise: trees take raw features, a linear model
    /// needs comparable ones without holes.
    pub fn of_model(model: ModelType) -> Self {
        match model {
            ModelType::LightGbm => Self {
                infer: Vec::new(),
                learn: vec![
                    Processor::DropNaLabel,
                    Processor::CsZscoreNorm { fields: Columns::Label },
                ],
            },
            ModelType::Linear => Self {
                infer: vec![
                    Processor::RobustZscoreNorm { clip: true },
                    Processor::FillNa { value: 0.0 },
                ],
                learn: vec![
                    Processor::DropNaLabel,
                    Processor::CsRankNorm { fields: Columns::Label },
                ],
            },
        }
    }

    pub(crate) fn read(mut reader: Reader<'_>, model: ModelType) -> Self {
        let base = Self::of_model(model);
        let infer = reader.list("infer").map(|list| steps(&reader, "infer", list));
        let learn = reader.list("learn").map(|list| steps(&reader, "learn", list));
        reader.finish();
        Self { infer: infer.unwrap_or(base.infer), learn: learn.unwrap_or(base.learn) }
    }
}

fn steps(reader: &Reader<'_>, side: &'static str, list: &[Value]) -> Vec<Processor> {
    let step = |(at, value): (usize, &Value)| {
        let name = format!("{side}[{at}]");
        let processor = step(reader, &name, side, value)?;
        if side == "infer" && processor.works_on_label() {
            let message = "works on the label, which is unknown when predicting; move it to learn";
            reader.fault(&name, FaultCode::Conflict, message);
        }
        Some(processor)
    };
    list.iter().enumerate().filter_map(step).collect()
}

/// A step is its name, or an object with the name under `type`.
fn step(reader: &Reader<'_>, name: &str, side: &str, value: &Value) -> Option<Processor> {
    if let Some(word) = value.as_str() {
        let found = build(word, side, None);
        if found.is_none() {
            reader.fault(name, FaultCode::UnknownValue, unknown(word));
        }
        return found;
    }
    let mut inner = Reader::open(&reader.path_of(name), value, reader.findings())?;
    let Some((key, word)) = inner.text(&["type", "name", "class"]) else {
        let message = format!("say which processor: {}", NAMES.join(", "));
        inner.fault("type", FaultCode::Required, message);
        return None;
    };
    let found = build(word, side, Some(&mut inner));
    match found {
        Some(_) => inner.finish(),
        None => inner.fault(key, FaultCode::UnknownValue, unknown(word)),
    }
    found
}

fn unknown(word: &str) -> String {
    let short: String = word.chars().take(40).collect();
    let known = NAMES.join(", ");
    match nearest(word, NAMES.iter().copied()) {
        Some(meant) => format!("unknown processor {short:?}; did you mean {meant}?"),
        None => format!("unknown processor {short:?}; known are {known}"),
    }
}

fn build(word: &str, side: &str, reader: Option<&mut Reader<'_>>) -> Option<Processor> {
    // `CSZScoreNorm` is what Qlib calls `cs_zscore_norm`.
    let folded: String = word.chars().filter(char::is_ascii_alphanumeric).collect();
    let usual = if side == "infer" { Columns::Feature } else { Columns::Label };
    let columns = |reader: Option<&mut Reader<'_>>| {
        let choices = [("feature", Columns::Feature), ("label", Columns::Label)];
        reader.map_or(usual, |reader| reader.choice(&["fields", "fields_group"], &choices, usual))
    };
    let single = Bounds::closed(f64::from(f32::MIN), f64::from(f32::MAX));
    match folded.to_ascii_lowercase().as_str() {
        "dropnalabel" => Some(Processor::DropNaLabel),
        "cszscorenorm" => Some(Processor::CsZscoreNorm { fields: columns(reader) }),
        "csranknorm" => Some(Processor::CsRankNorm { fields: columns(reader) }),
        "cszfillna" => Some(Processor::CsZFillNa { fields: columns(reader) }),
        "zscorenorm" => Some(Processor::ZscoreNorm),
        "minmaxnorm" => Some(Processor::MinMaxNorm),
        "robustzscorenorm" => {
            let clip = reader.is_none_or(|reader| reader.flag("clip", true));
            Some(Processor::RobustZscoreNorm { clip })
        }
        "fillna" => {
            let value = reader.map_or(0.0, |r| r.float(&["value", "fill_value"], single, 0.0));
            Some(Processor::FillNa { value: value as f32 })
        }
        _ => None,
    }
}

impl Processor {
    fn works_on_label(self) -> bool {
        matches!(
            self,
            Self::DropNaLabel
                | Self::CsZscoreNorm { fields: Columns::Label }
                | Self::CsRankNorm { fields: Columns::Label }
                | Self::CsZFillNa { fields: Columns::Label }
        )
    }
}

impl From<Columns> for Target {
    fn from(columns: Columns) -> Self {
        match columns {
            Columns::Feature => Self::Features,
            Columns::Label => Self::Label,
        }
    }
}

/// The step that carries it out.
impl From<Processor> for Step {
    fn from(processor: Processor) -> Self {
        match processor {
            Processor::DropNaLabel => Self::DropnaLabel,
            Processor::CsZscoreNorm { fields } => Self::CsZscoreNorm { on: fields.into() },
            Processor::CsRankNorm { fields } => Self::CsRankNorm { on: fields.into() },
            Processor::CsZFillNa { fields } => Self::CsZfillna { on: fields.into() },
            Processor::ZscoreNorm => Self::ZscoreNorm,
            Processor::MinMaxNorm => Self::MinMaxNorm,
            Processor::RobustZscoreNorm { clip } => Self::RobustZscoreNorm { clip_outlier: clip },
            Processor::FillNa { value } => Self::Fillna { value },
        }
    }
}
