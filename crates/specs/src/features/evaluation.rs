use std::collections::BTreeSet;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::FeatureComputationSpec;
use crate::reader::{Findings, Reader};
use crate::{FaultCode, Faults};

const MOST_HORIZONS: usize = 20;
const LONGEST_HORIZON: u32 = 1_000;
const MOST_QUANTILES: u32 = 50;

/// How well features tell returns apart: which features on which data, over which horizons.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
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
}

fn horizons() -> Vec<u32> {
    vec![1, 2, 5, 10, 20]
}

fn quantiles() -> u32 {
    5
}

impl FactorEvaluationSpec {
    /// Reads a JSON document and reports everything that is wrong with it.
    pub fn from_value(document: &Value) -> Result<Self, Faults> {
        let findings = Findings::default();
        let spec = Reader::open("", document, &findings).map(|mut reader| {
            let spec = Self {
                computation: FeatureComputationSpec::read(&mut reader),
                horizons: read_horizons(&mut reader),
                quantiles: reader.whole(&["quantiles"], 2..=MOST_QUANTILES, quantiles()),
            };
            if spec.computation.range.is_some() {
                let message = "an evaluation takes all days of the data; leave it out";
                reader.fault("range", FaultCode::NotSupported, message);
            }
            reader.finish();
            spec
        });
        match spec {
            Some(spec) => findings.into_result(spec),
            None => findings.into_result(()).and(Err(Faults(Vec::new()))),
        }
    }

    /// The complete document; equal specifications give equal values.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }
}

fn read_horizons(reader: &mut Reader<'_>) -> Vec<u32> {
    let Some(list) = reader.list("horizons") else { return horizons() };
    let bars = |value: &Value| {
        let whole = value.as_u64().and_then(|bars| u32::try_from(bars).ok());
        whole.filter(|bars| (1..=LONGEST_HORIZON).contains(bars))
    };
    let read: Option<Vec<u32>> = list.iter().map(bars).collect();
    match read {
        Some(mut read) if (1..=MOST_HORIZONS).contains(&read.len()) => {
            let mut seen = BTreeSet::new();
            read.retain(|bars| seen.insert(*bars));
            read
        }
        _ => {
            let message = format!(
                "give 1 to {MOST_HORIZONS} whole numbers of bars from 1 to {LONGEST_HORIZON}"
            );
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
