use std::collections::HashMap;

use alphafleet_domain::FeatureKey;
use alphafleet_domain::job::{FailureCode, JobKind};
use alphafleet_specs::FeatureComputationSpec;
use alphafleet_worker::child::{
    Assignment, Completed, Context, FeatureInput, Handler, HandlerError,
};
use serde_json::json;

use super::compute::Columns;
use super::market::{self, Market};
use super::rows::Rows;
use super::storage::Storage;
use super::{cached, output};
use crate::pipeline::TrainError;
use crate::threads::threads;

/// Serves jobs of the kind `feature_computation`.
#[derive(Debug, Clone, Copy, Default)]
pub struct FeatureHandler;

impl Handler for FeatureHandler {
    fn kind(&self) -> JobKind {
        JobKind::FeatureComputation
    }

    fn run(&self, assignment: &Assignment, ctx: &Context) -> Result<Completed, HandlerError> {
        let spec = FeatureComputationSpec::from_value(&assignment.spec).map_err(|faults| {
            HandlerError::permanent(FailureCode::InvalidSpec, faults.to_string())
        })?;
        let input = assignment.typed_inputs()?.features.ok_or_else(|| {
            HandlerError::permanent(FailureCode::Internal, "the job has no columns to compute")
        })?;
        ctx.stage("preparing", 10.0);
        let mut gathered = Gathered::read(assignment, &spec, &input, ctx)?;
        let cached = gathered.values.len();
        ctx.stage("computing", 20.0);
        let completed = gathered.complete(assignment, &spec, &input, ctx)?;
        let extended = completed.extended;
        let computed = completed.files.len() - extended;
        ctx.stage("storing", 85.0);
        ctx.check()?;
        let scratch = assignment.scratch_folder()?;
        let rows = gathered.rows.as_ref().ok_or(TrainError::NoFeatures)?;
        let written = output::write(scratch, rows, &input.columns, &gathered.values, spec.range)?;
        ctx.stage("completed", 100.0);
        Ok(Completed {
            result: json!({
                "dataset": spec.dataset,
                "features": written.names,
                "rows": written.rows,
                "computed": computed,
                "extended": extended,
                "cached": cached,
                "findings": completed.findings,
            }),
            files: vec![written.file],
            features: completed.files,
            ..Completed::default()
        })
    }
}

/// What is known so far.
struct Gathered {
    storage: Storage,
    /// Read when something is to be computed.
    market: Option<Market>,
    rows: Option<Rows>,
    values: HashMap<FeatureKey, Vec<f32>>,
}

/// What was computed.
#[derive(Default)]
struct Computed {
    files: Vec<alphafleet_worker::child::FeatureFile>,
    /// How many of them go on from an earlier version of the data.
    extended: usize,
    findings: Vec<alphafleet_models::Finding>,
}

impl Gathered {
    /// Reads what is stored, and the market if that is not all.
    fn read(
        assignment: &Assignment,
        spec: &FeatureComputationSpec,
        input: &FeatureInput,
        ctx: &Context,
    ) -> Result<Self, HandlerError> {
        let ready = |key: &FeatureKey| input.ready.iter().any(|one| one.key == *key);
        let all = input.columns.iter().all(|column| ready(&column.key));
        let market = if all { None } else { Some(market::read(assignment, spec)?) };
        let mut rows = market.as_ref().map(|market| market.rows.clone());
        let storage = Storage::open(&assignment.storage_url)?;
        let values = cached::read(&storage, &input.ready, &mut rows, ctx)?;
        Ok(Self { storage, market, rows, values })
    }

    /// Computes what is missing.
    fn complete(
        &mut self,
        assignment: &Assignment,
        spec: &FeatureComputationSpec,
        input: &FeatureInput,
        ctx: &Context,
    ) -> Result<Computed, HandlerError> {
        if input.columns.iter().all(|column| self.values.contains_key(&column.key)) {
            return Ok(Computed::default());
        }
        let market = match self.market.take() {
            Some(market) => market,
            None => market::read(assignment, spec)?,
        };
        if self.rows.as_ref() != Some(&market.rows) {
            self.values.clear();
            self.rows = Some(market.rows.clone());
        }
        let keys = input.columns.iter().map(|column| (column.name.as_str(), &column.key));
        let earlier = input.earlier.iter().map(|one| (&one.key, &one.stored));
        let mut columns = Columns {
            scratch: assignment.scratch_folder()?,
            storage: &self.storage,
            threads: threads(spec.threads, assignment.threads),
            keys: &keys.collect(),
            earlier: &earlier.collect(),
            values: &mut self.values,
            files: Vec::new(),
            extended: 0,
            findings: market.findings.clone(),
        };
        columns.complete(spec, &market, ctx)?;
        let Columns { files, extended, findings, .. } = columns;
        Ok(Computed { files, extended, findings })
    }
}
