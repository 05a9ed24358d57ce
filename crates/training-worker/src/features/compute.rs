use std::collections::{HashMap, HashSet};
use std::path::Path;

use alphafleet_datasets::features::write_feature;
use alphafleet_domain::FeatureKey;
use alphafleet_domain::job::FailureCode;
use alphafleet_factors::{NamedExpr, compute};
use alphafleet_models::Finding;
use alphafleet_specs::FeatureComputationSpec;
use alphafleet_worker::child::{Context, FeatureFile, HandlerError};

use super::market::Market;
use super::rows::values;
use crate::pipeline::TrainError;
use crate::pipeline::prepare::expressions;

/// Formulas computed in one go: they share their parts, and a cancel is noticed in between.
const AT_ONCE: usize = 40;
/// The progress between which columns are computed.
const FROM: f64 = 20.0;
const TO: f64 = 85.0;

/// Where computed columns go.
pub(super) struct Columns<'a> {
    pub scratch: &'a Path,
    pub threads: usize,
    /// What each column is known by.
    pub keys: &'a HashMap<&'a str, &'a FeatureKey>,
    /// Columns by what they are known by; computed ones join them.
    pub values: &'a mut HashMap<FeatureKey, Vec<f32>>,
    pub files: Vec<FeatureFile>,
    pub findings: Vec<Finding>,
}

impl Columns<'_> {
    /// Computes what has no values yet. A set's features are left out with a finding where the
    /// data lack their fields or they have no value at all; of a person's own that is an error.
    pub fn complete(
        &mut self,
        spec: &FeatureComputationSpec,
        market: &Market,
        ctx: &Context,
    ) -> Result<(), HandlerError> {
        let (wanted, own) = expressions(&spec.features, &market.panel, &mut self.findings)?;
        let mut seen = HashSet::new();
        let missing = |one: &NamedExpr| {
            let key = self.keys.get(one.name.as_str());
            key.is_some_and(|key| !self.values.contains_key(*key) && seen.insert(*key))
        };
        let mut wanted = wanted;
        wanted.retain(missing);
        let total = wanted.len();
        let mut done = 0;
        for chunk in wanted.chunks(AT_ONCE) {
            ctx.check()?;
            ctx.stage("computing", FROM + (TO - FROM) * done as f64 / total as f64);
            self.compute(chunk, &own, market)?;
            done += chunk.len();
            ctx.metric("columns_computed", done as u64, done as f64);
        }
        Ok(())
    }

    fn compute(
        &mut self,
        chunk: &[NamedExpr],
        own: &HashSet<String>,
        market: &Market,
    ) -> Result<(), HandlerError> {
        let frame = compute(&market.panel, chunk, self.threads).map_err(TrainError::from)?;
        for (at, one) in chunk.iter().enumerate() {
            let values = values(&market.panel, &frame, at);
            if values.iter().all(|value| value.is_nan()) {
                self.empty(&one.name, own)?;
                continue;
            }
            let Some(&key) = self.keys.get(one.name.as_str()) else { continue };
            let path = self.scratch.join(format!("column-{}.parquet", self.files.len()));
            let rows = &market.rows;
            write_feature(&path, &rows.instruments, &rows.times, &values)
                .map_err(TrainError::from)?;
            self.files.push(FeatureFile { key: key.clone(), path });
            self.values.insert(key.clone(), values);
        }
        Ok(())
    }

    fn empty(&mut self, name: &str, own: &HashSet<String>) -> Result<(), HandlerError> {
        if own.contains(name) {
            return Err(without_values(name));
        }
        self.findings.push(Finding {
            severity: "warning".to_owned(),
            code: "empty_features".to_owned(),
            message: format!("{name} has no value on any bar and is left out"),
        });
        Ok(())
    }
}

/// A person's own feature that has no value at all.
pub(crate) fn without_values(name: &str) -> HandlerError {
    let message = format!(
        "the feature {name} has no value on any bar; check its formula and the fields it reads \
         (empty_feature)"
    );
    HandlerError::permanent(FailureCode::InvalidSpec, message)
}
