use alphafleet_factors::{EffectivenessReport, FactorEffectiveness};
use alphafleet_models::Finding;
use alphafleet_specs::FactorEvaluationSpec;
use serde_json::{Value, json};

use crate::pipeline::report::factor_finding;

/// Factors that the summary names; the report has them all.
const BEST: usize = 10;

/// The result as the session's owner reads it: counts, the best factors by rank ICIR of the
/// primary horizon, and what was found in the data.
pub(super) fn summary(
    spec: &FactorEvaluationSpec,
    report: &EffectivenessReport,
    mut findings: Vec<Finding>,
) -> Value {
    findings.extend(report.findings.iter().cloned().map(factor_finding));
    let ranked = report.by_rank_icir();
    let noted = report.factors.iter().filter(|factor| !factor.findings.is_empty()).count();
    json!({
        "dataset": spec.computation.dataset,
        "start": report.start,
        "end": report.end,
        "bars": report.bars,
        "instruments": report.instruments,
        "horizons": report.options.horizons,
        "quantiles": report.options.quantiles,
        "factors": report.factors.len(),
        "factors_with_findings": noted,
        "best": ranked.into_iter().take(BEST).map(figures).collect::<Vec<Value>>(),
        "findings": findings,
    })
}

fn figures(factor: &FactorEffectiveness) -> Value {
    let primary = factor.horizons.first();
    let ic = primary.map(|primary| primary.ic).unwrap_or_default();
    let rank_ic = primary.map(|primary| primary.rank_ic).unwrap_or_default();
    json!({
        "name": factor.name,
        "ic": ic.mean,
        "icir": ic.icir,
        "rank_ic": rank_ic.mean,
        "rank_icir": rank_ic.icir,
        "t_newey_west": rank_ic.t_newey_west,
        "spread": primary.and_then(|primary| primary.quantiles.spread.mean),
        "turnover": factor.turnover.first().and_then(|turnover| turnover.top),
        "coverage": factor.coverage.mean,
    })
}
