use std::path::Path;

use alphafleet_domain::ArtifactKind;
use alphafleet_domain::job::FailureCode;
use alphafleet_factors::NamedExpr;
use alphafleet_market::Panel;
use alphafleet_models::Finding;
use alphafleet_specs::FactorEvaluationSpec;
use alphafleet_worker::child::{Assignment, Completed, Context, HandlerError, OutputFile};
use serde_json::{Value, json};

use super::handler::{scratch, threads};
use super::market;
use crate::pipeline::TrainError;
use crate::pipeline::prepare::expressions;

/// What an evaluation found, in the forms its owner reads.
#[derive(Debug, Clone, PartialEq)]
pub struct Judgement {
    /// The figures that belong into the session's result.
    pub summary: Value,
    /// The whole report.
    pub json: String,
    /// The report as a page that needs nothing beside it.
    pub html: String,
}

/// Judges factors on the bars of a panel, on so many threads.
pub trait Judge {
    fn judge(
        &self,
        panel: &Panel,
        factors: &[NamedExpr],
        spec: &FactorEvaluationSpec,
        threads: usize,
    ) -> Result<Judgement, TrainError>;
}

/// Reads the data, has the factors judged, and leaves `effectiveness.json` and
/// `effectiveness.html`.
pub fn evaluate_factors(
    assignment: &Assignment,
    ctx: &Context,
    judge: &dyn Judge,
) -> Result<Completed, HandlerError> {
    let spec = FactorEvaluationSpec::from_value(&assignment.spec)
        .map_err(|faults| HandlerError::permanent(FailureCode::InvalidSpec, faults.to_string()))?;
    ctx.stage("preparing", 10.0);
    let market = market::read(assignment, &spec.computation)?;
    let mut findings: Vec<Finding> = market.findings;
    let (factors, _) = expressions(&spec.computation.features, &market.panel, &mut findings)?;
    ctx.check()?;
    ctx.stage("evaluating", 20.0);
    let threads = threads(&spec.computation, assignment);
    let judged = judge.judge(&market.panel, &factors, &spec, threads)?;
    ctx.check()?;
    ctx.stage("storing", 90.0);
    let scratch = scratch(assignment)?;
    let files = vec![
        write(scratch, ArtifactKind::ReportJson, "effectiveness.json", &judged.json)?,
        write(scratch, ArtifactKind::ReportHtml, "effectiveness.html", &judged.html)?,
    ];
    ctx.stage("completed", 100.0);
    let result = json!({
        "dataset": spec.computation.dataset,
        "factors": factors.len(),
        "summary": judged.summary,
        "findings": findings,
    });
    Ok(Completed { result, files, ..Completed::default() })
}

fn write(
    scratch: &Path,
    kind: ArtifactKind,
    name: &str,
    text: &str,
) -> Result<OutputFile, TrainError> {
    let path = scratch.join(name);
    std::fs::write(&path, text)
        .map_err(|source| TrainError::Write { path: path.clone(), source })?;
    Ok(OutputFile::new(kind, name, path))
}
