use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};

use alphafleet_datasets::features::{FeatureState, Past, Pasts, write_feature};
use alphafleet_domain::job::{FailureCode, LogLevel};
use alphafleet_domain::{CachedFeature, FeatureKey};
use alphafleet_factors::{NamedExpr, StreamError, compute, compute_keeping, is_incremental};
use alphafleet_market::Panel;
use alphafleet_models::Finding;
use alphafleet_specs::FeatureComputationSpec;
use alphafleet_worker::child::{Context, FeatureFile, HandlerError};

use super::extend::extend;
use super::market::Market;
use super::rows::values;
use super::storage::Storage;
use crate::pipeline::TrainError;
use crate::pipeline::prepare::expressions;

/// Formulas computed in one go: they share their parts, and a cancel is noticed in between.
const AT_ONCE: usize = 40;
/// The progress between which columns are computed.
const FROM: f64 = 20.0;
const TO: f64 = 85.0;
/// Names that a finding lists.
const LISTED: usize = 5;

/// Where computed columns go.
pub(super) struct Columns<'a> {
    pub scratch: &'a Path,
    pub storage: &'a Storage,
    pub threads: usize,
    /// What each column is known by.
    pub keys: &'a HashMap<&'a str, &'a FeatureKey>,
    /// What there is of a column over earlier versions of the data.
    pub earlier: &'a HashMap<&'a FeatureKey, &'a CachedFeature>,
    /// Columns by what they are known by; computed ones join them.
    pub values: &'a mut HashMap<FeatureKey, Vec<f32>>,
    pub files: Vec<FeatureFile>,
    /// How many of them go on from an earlier version.
    pub extended: usize,
    pub findings: Vec<Finding>,
}

impl Columns<'_> {
    /// Computes what has no values yet: the new bars alone where an earlier version has the
    /// others. A set's features are left out with a finding where the data lack their fields or
    /// they have no value at all; of a person's own that is an error.
    pub fn complete(
        &mut self,
        spec: &FeatureComputationSpec,
        market: &Market,
        ctx: &Context,
    ) -> Result<(), HandlerError> {
        let (mut wanted, own) = expressions(&spec.features, &market.panel, &mut self.findings)?;
        let mut seen = HashSet::new();
        wanted.retain(|one| {
            let key = self.keys.get(one.name.as_str());
            key.is_some_and(|key| !self.values.contains_key(*key) && seen.insert(*key))
        });
        let total = wanted.len();
        let mut pasts = Pasts::new(&market.panel);
        let rest = self.extend(wanted, (market, &mut pasts), ctx)?;
        let mut done = total - rest.len();
        let (rest, whole): (Vec<_>, Vec<_>) = rest.into_iter().partition(is_incremental);
        for chunk in rest.chunks(AT_ONCE).chain(whole.chunks(AT_ONCE)) {
            ctx.check()?;
            ctx.stage("computing", FROM + (TO - FROM) * done as f64 / total as f64);
            self.compute(chunk, &own, (market, &mut pasts))?;
            done += chunk.len();
            ctx.metric("columns_computed", done as u64, done as f64);
        }
        Ok(())
    }

    /// Extends what can be; answers the others.
    fn extend(
        &mut self,
        wanted: Vec<NamedExpr>,
        (market, pasts): (&Market, &mut Pasts<'_>),
        ctx: &Context,
    ) -> Result<Vec<NamedExpr>, HandlerError> {
        let mut rest = Vec::new();
        let mut reasons: BTreeMap<String, Vec<String>> = BTreeMap::new();
        for one in wanted {
            ctx.check()?;
            let key = self.keys.get(one.name.as_str());
            let Some(earlier) = key.and_then(|key| self.earlier.get(*key)) else {
                rest.push(one);
                continue;
            };
            match extend(self.storage, earlier, &one, (market, &mut *pasts), self.threads) {
                Ok(extended) => {
                    self.keep(&one.name, market, extended.values, Some(&extended.state))?;
                    self.extended += 1;
                }
                Err(why) => {
                    reasons.entry(why.to_string()).or_default().push(one.name.clone());
                    rest.push(one);
                }
            }
        }
        for (why, names) in reasons {
            let finding = afresh(&why, &names);
            ctx.log(LogLevel::Info, &finding.message);
            self.findings.push(finding);
        }
        Ok(rest)
    }

    fn compute(
        &mut self,
        chunk: &[NamedExpr],
        own: &HashSet<String>,
        (market, pasts): (&Market, &mut Pasts<'_>),
    ) -> Result<(), HandlerError> {
        let panel = &market.panel;
        let (frame, states) = if chunk.iter().all(is_incremental) {
            compute_keeping(panel, chunk, self.threads).map_err(failed)?
        } else {
            (compute(panel, chunk, self.threads).map_err(TrainError::from)?, Vec::new())
        };
        let mut states = states.into_iter();
        for (at, one) in chunk.iter().enumerate() {
            let operators = states.next();
            let values = values(&market.cells, &frame, at);
            if values.iter().all(|value| value.is_nan()) {
                self.empty(&one.name, own)?;
                continue;
            }
            let state = state(one, operators, (panel, &mut *pasts));
            self.keep(&one.name, market, values, state.as_ref())?;
        }
        Ok(())
    }

    /// Writes a column for the cache, and the state that it goes on from if it has one.
    fn keep(
        &mut self,
        name: &str,
        market: &Market,
        values: Vec<f32>,
        state: Option<&FeatureState>,
    ) -> Result<(), HandlerError> {
        let Some(&key) = self.keys.get(name) else { return Ok(()) };
        let path = self.scratch.join(format!("column-{}.parquet", self.files.len()));
        let rows = &market.rows;
        write_feature(&path, &rows.instruments, &rows.times, &values).map_err(TrainError::from)?;
        let state = state.map(|state| written_state(&path, state)).transpose()?.flatten();
        self.files.push(FeatureFile { key: key.clone(), path, state });
        self.values.insert(key.clone(), values);
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

/// From what a column goes on: the state of its operators, or, where it reads announcements, that
/// it saw these and no others.
fn state(
    one: &NamedExpr,
    operators: Option<Vec<u8>>,
    (panel, pasts): (&Panel, &mut Pasts<'_>),
) -> Option<FeatureState> {
    let reads = one.expr.period_fields();
    let operators = operators.or_else(|| (!reads.is_empty()).then(Vec::new))?;
    let past = pasts.of(panel.calendar().len(), one.expr.fields());
    let announcements = pasts.announcements(reads);
    Some(FeatureState { past: Past { announcements, ..past }, operators })
}

/// A person's own feature that has no value at all.
pub(crate) fn without_values(name: &str) -> HandlerError {
    let message = format!(
        "the feature {name} has no value on any bar; check its formula and the fields it reads \
         (empty_feature)"
    );
    HandlerError::permanent(FailureCode::InvalidSpec, message)
}

/// Writes a state beside its column. One that takes more room than the column is not worth it:
/// then the column is computed again.
fn written_state(column: &Path, state: &FeatureState) -> Result<Option<PathBuf>, HandlerError> {
    let bytes = state.to_bytes().map_err(TrainError::from)?;
    let path = column.with_extension("state");
    let write = || {
        if bytes.len() as u64 > std::fs::metadata(column)?.len() {
            return Ok(None);
        }
        std::fs::write(&path, &bytes).map(|()| Some(path.clone()))
    };
    let failed = |source| TrainError::Write { path: path.clone(), source };
    Ok(write().map_err(failed)?)
}

fn afresh(why: &str, names: &[String]) -> Finding {
    let mut listed = names[..names.len().min(LISTED)].join(", ");
    if names.len() > LISTED {
        listed.push_str(&format!(" and {} more", names.len() - LISTED));
    }
    Finding {
        severity: "info".to_owned(),
        code: "computed_afresh".to_owned(),
        message: format!("computed over all bars, not over the new ones alone: {listed}: {why}"),
    }
}

fn failed(error: StreamError) -> HandlerError {
    match error {
        StreamError::Factor(error) => TrainError::from(error).into(),
        error => HandlerError::permanent(FailureCode::Internal, error.to_string()),
    }
}
