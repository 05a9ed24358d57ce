use std::collections::BTreeSet;

use alphafleet_factors::{
    EffectivenessOptions, MAX_FACTORS, MAX_HORIZON, MAX_HORIZONS, MAX_QUANTILES, NamedUniverse,
};
use schemars::{JsonSchema, Schema};
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::{FeatureComputationSpec, universes};
use crate::reader::{Bounds, Reader, read_document};
use crate::{FaultCode, Faults};

/// Bars of a year of one-minute bars around the clock, twice over.
const MOST_PERIODS: f64 = 1_100_000.0;

/// How well features tell returns apart: which features on which data, over which horizons.
///
/// Its JSON form names every value; reading that form gives the same specification again.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(transform = all_days)]
pub struct FactorEvaluationSpec {
    #[serde(flatten)]
    pub computation: FeatureComputationSpec,
    /// Holding times in bars; the first is the primary one.
    #[serde(default = "horizons")]
    #[schemars(length(min = 1, max = 20))]
    pub horizons: Vec<u32>,
    /// Groups of equal size that the instruments of a bar are ranked into.
    #[serde(default = "quantiles")]
    #[schemars(range(min = 2, max = 50))]
    pub quantiles: u32,
    /// The field that is bought and sold at, one bar after the features are known.
    #[serde(default = "price")]
    pub price: String,
    /// Bars in a year, for what is annualised.
    #[serde(default = "periods_per_year")]
    #[schemars(range(min = 1))]
    pub periods_per_year: f64,
    /// Subsets of the instruments that are judged on their own too.
    #[serde(default)]
    pub universes: Vec<NamedUniverse>,
    /// A field of whole numbers, such as a sector's code, whose groups are judged one by one.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub group_field: Option<String>,
    /// Whether each bar's ICs are left as a Parquet file, `ic.parquet`.
    #[serde(default = "series")]
    pub series: bool,
}

/// The document of a computation has a range, that of an evaluation has not.
fn all_days(schema: &mut Schema) {
    if let Some(fields) = schema.get_mut("properties").and_then(Value::as_object_mut) {
        fields.remove("range");
    }
    schema.insert("additionalProperties".to_owned(), Value::Bool(false));
}

fn horizons() -> Vec<u32> {
    vec![1, 2, 5, 10, 20]
}

fn quantiles() -> u32 {
    5
}

fn price() -> String {
    "close".to_owned()
}

fn periods_per_year() -> f64 {
    252.0
}

fn series() -> bool {
    true
}

impl FactorEvaluationSpec {
    /// Reads a JSON document and reports everything that is wrong with it.
    pub fn from_value(document: &Value) -> Result<Self, Faults> {
        read_document(document, |mut reader| {
            let spec = Self::read(&mut reader);
            if spec.computation.range.is_some() {
                let message = "an evaluation takes all days of the data; leave it out";
                reader.fault("range", FaultCode::NotSupported, message);
            }
            let features = &spec.computation.features;
            let set = features.set.map_or(0, |set| set.sources().len());
            if set + features.expressions.len() > MAX_FACTORS {
                let message = format!("at most {MAX_FACTORS} features are judged at once");
                reader.fault("features", FaultCode::OutOfRange, message);
            }
            reader.finish();
            Some(spec)
        })
    }

    fn read(reader: &mut Reader<'_>) -> Self {
        let periods = Bounds::closed(1.0, MOST_PERIODS);
        Self {
            computation: FeatureComputationSpec::read(reader),
            horizons: read_horizons(reader),
            quantiles: reader.whole(&["quantiles"], 2..=MAX_QUANTILES as u32, quantiles()),
            price: field(reader, "price").unwrap_or_else(price),
            periods_per_year: reader.float(&["periods_per_year"], periods, periods_per_year()),
            universes: universes::read(reader),
            group_field: field(reader, "group_field"),
            series: reader.flag("series", series()),
        }
    }

    /// What the features are held against. The series of ICs are asked for with the rest.
    pub fn options(&self) -> EffectivenessOptions {
        EffectivenessOptions {
            horizons: self.horizons.iter().map(|&bars| bars as usize).collect(),
            price: self.price.clone(),
            quantiles: self.quantiles as usize,
            periods_per_year: self.periods_per_year,
            universes: self.universes.clone(),
            group_field: self.group_field.clone(),
            bar_series: self.series,
            ..EffectivenessOptions::default()
        }
    }

    /// The complete document; equal specifications give equal values.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }
}

/// The name of a field of the data, with or without its `$`.
fn field(reader: &mut Reader<'_>, name: &'static str) -> Option<String> {
    let (_, text) = reader.text(&[name])?;
    Some(text.trim_start_matches('$').to_owned())
}

fn read_horizons(reader: &mut Reader<'_>) -> Vec<u32> {
    let Some(list) = reader.list("horizons") else { return horizons() };
    let bars = |value: &Value| {
        let whole = value.as_u64().and_then(|bars| u32::try_from(bars).ok());
        whole.filter(|bars| (1..=MAX_HORIZON as u32).contains(bars))
    };
    let read: Option<Vec<u32>> = list.iter().map(bars).collect();
    match read {
        Some(mut read) if (1..=MAX_HORIZONS).contains(&read.len()) => {
            let mut seen = BTreeSet::new();
            read.retain(|bars| seen.insert(*bars));
            read
        }
        _ => {
            let message =
                format!("give 1 to {MAX_HORIZONS} whole numbers of bars from 1 to {MAX_HORIZON}");
            reader.fault("horizons", FaultCode::OutOfRange, message);
            horizons()
        }
    }
}

impl<'de> Deserialize<'de> for FactorEvaluationSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = Value::deserialize(deserializer)?;
        Self::from_value(&document).map_err(serde::de::Error::custom)
    }
}
