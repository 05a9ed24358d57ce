use std::sync::Arc;

use alphafleet_market::Panel;
use alphafleet_specs::BacktestSweepSpec;
use alphafleet_worker::child::{Assignment, HandlerError};
use chrono::Utc;
use serde_json::{Value, json};

use super::bars::Bars;
use super::prices;
use crate::pipeline::{BacktestRunError, Finished, RunDataset, SweepRun};

/// Does with the run of a sweep and its panel what is asked for.
pub(super) fn with_run(
    assignment: &Assignment,
    spec: &BacktestSweepSpec,
    bars: Bars,
    work: impl FnOnce(&SweepRun<'_>, Arc<Panel>) -> Result<Finished, BacktestRunError>,
) -> Result<Finished, HandlerError> {
    let Bars { panel, findings, dataset, version } = bars;
    let run = SweepRun {
        plan: &spec.backtest.plan,
        config: &spec.sweep,
        dataset: RunDataset { name: &dataset, version: &version },
        prices: prices(spec.backtest.adjustment),
        inputs: &inputs(assignment, spec)?,
        session: &assignment.job.to_string(),
        build: env!("CARGO_PKG_VERSION"),
        scratch: assignment.scratch_folder()?,
        findings: &findings,
        checkpoint: assignment.checkpoint.as_deref(),
        threads: assignment.threads,
        now: Utc::now,
    };
    Ok(work(&run, panel.into())?)
}

/// What panel and scores were made of: the same for a sweep and its shares.
fn inputs(assignment: &Assignment, spec: &BacktestSweepSpec) -> Result<Value, HandlerError> {
    let inputs = assignment.typed_inputs()?;
    Ok(json!({
        "bars": inputs.dataset.map(|dataset| dataset.manifest_sha256),
        "universe": spec.backtest.universe,
        "adjustment": spec.backtest.adjustment,
        "scores": spec.backtest.signals,
        "scored": inputs.signals.into_iter().map(|signal| signal.sha256).collect::<Vec<_>>(),
    }))
}
