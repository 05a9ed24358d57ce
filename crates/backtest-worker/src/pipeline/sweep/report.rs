use std::path::Path;

use alphafleet_backtest::WindowResult;
use alphafleet_backtest::analysis::{
    Convention, RealityCheckConfig, ReturnFigures, deflated_sharpe, mean, reality_check,
};
use alphafleet_backtest::plan::{Axis, Grid, KeyFigures, Objective};
use alphafleet_domain::ArtifactKind;
use alphafleet_factors::DateRange;
use alphafleet_models::Finding;
use alphafleet_worker::child::OutputFile;
use chrono::{DateTime, NaiveDateTime, Utc};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::super::{BacktestRunError, outputs};
use super::base::Base;
use super::html;
use super::state::{Row, State};

/// Configurations that the report shows.
const SHOWN: usize = 50;
const RESAMPLES: usize = 500;

/// What a report is made of.
pub(super) struct Parts<'a> {
    pub base: &'a Base<'a>,
    /// The combinations that are plans.
    pub runnable: &'a [usize],
    pub state: &'a State,
}

/// What came of a sweep. Figures are after costs.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct SweepReport {
    pub schema_version: u32,
    pub session: String,
    pub build: String,
    pub dataset: String,
    pub dataset_version: String,
    /// Whether prices are raw or adjusted, in words.
    pub prices: String,
    pub engine: String,
    pub strategy: String,
    pub period: DateRange,
    pub bars: usize,
    pub capital: f64,
    pub convention: Convention,
    pub objective: Objective,
    pub axes: Vec<Axis>,
    pub configurations: usize,
    /// Configurations with figures.
    pub ran: usize,
    /// The best by the objective, best first.
    pub best: Vec<Ranked>,
    pub deflated_sharpe: Option<DeflatedSharpe>,
    pub reality_check: RealityCheckOutcome,
    pub walk_forward: Option<WalkForwardReport>,
    pub findings: Vec<Finding>,
    pub started: DateTime<Utc>,
    pub finished: DateTime<Utc>,
    pub plan: Value,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Ranked {
    pub configuration: usize,
    /// By path.
    pub values: Map<String, Value>,
    pub figures: KeyFigures,
}

/// Probability that the best configuration's true Sharpe ratio is above what the best of as many
/// trials without skill would show.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct DeflatedSharpe {
    pub probability: f64,
    pub trials: usize,
    /// Of the trials' ratios of a bar, ddof 1.
    pub variance: f64,
}

/// White's reality check over the returns of all configurations.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct RealityCheckOutcome {
    /// Probability of a mean excess return as high as the highest if none beat the benchmark.
    pub p_value: Option<f64>,
    pub resamples: usize,
    /// What was beaten.
    pub against: &'static str,
    /// Why there is no value.
    pub absent: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct WalkForwardReport {
    pub windows: Vec<Chosen>,
    /// Of the returns out of sample, one window after the other.
    pub out_of_sample: OutOfSample,
    pub curve: Vec<WalkPoint>,
}

#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Chosen {
    pub train: DateRange,
    pub test: DateRange,
    pub configuration: usize,
    pub values: Map<String, Value>,
    pub in_sample: KeyFigures,
    pub out_of_sample: KeyFigures,
}

#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct OutOfSample {
    pub bars: usize,
    pub total_return: Option<f64>,
    pub annual_return: Option<f64>,
    pub sharpe: Option<f64>,
    pub sortino: Option<f64>,
    pub max_drawdown: f64,
    /// The annual return out of sample over the mean of the windows' in sample.
    pub efficiency: Option<f64>,
}

/// The account out of sample, as if every window began with what the last one left.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub(super) struct WalkPoint {
    pub datetime: NaiveDateTime,
    pub window: usize,
    pub return_rate: f64,
    pub benchmark: Option<f64>,
    /// Grown from 1.
    pub wealth: f64,
}

pub(super) fn curve(windows: &[WindowResult]) -> Vec<WalkPoint> {
    let mut wealth = 1.0;
    let bars = windows
        .iter()
        .enumerate()
        .flat_map(|(window, result)| result.returns.iter().map(move |bar| (window, bar)));
    bars.map(|(window, bar)| {
        wealth *= 1.0 + bar.value;
        WalkPoint {
            datetime: bar.time,
            window,
            return_rate: bar.value,
            benchmark: bar.benchmark,
            wealth,
        }
    })
    .collect()
}

impl SweepReport {
    pub fn new(parts: &Parts<'_>) -> Result<Self, BacktestRunError> {
        let Parts { base, state, .. } = *parts;
        let Base { run, grid, .. } = base;
        let objective = run.config.objective;
        let ranked = ranked(parts);
        let best = ranked.iter().take(SHOWN).map(|&(configuration, _, figures)| Ranked {
            configuration,
            values: values(grid, configuration),
            figures,
        });
        let plan = run.plan.to_value();
        let text = |name: &str| plan[name].as_str().unwrap_or_default().to_owned();
        Ok(Self {
            schema_version: 1,
            session: run.session.to_owned(),
            build: run.build.to_owned(),
            dataset: run.dataset.name.to_owned(),
            dataset_version: run.dataset.version.to_owned(),
            prices: run.prices.to_owned(),
            engine: text("engine"),
            strategy: run.plan.strategy_type().to_owned(),
            period: run.plan.period(),
            bars: base.bars,
            capital: run.plan.capital(),
            convention: base.convention,
            objective,
            axes: grid.axes().to_vec(),
            configurations: grid.configurations(),
            ran: ranked.len(),
            best: best.collect(),
            deflated_sharpe: deflated(&state.rows, ranked.first().map(|first| first.1))?,
            reality_check: check(parts)?,
            walk_forward: run.config.walk_forward.map(|_| walk_forward(parts)),
            findings: base.findings.clone(),
            started: base.started,
            finished: (run.now)(),
            plan,
        })
    }

    /// The result as its owner reads it.
    pub fn summary(&self) -> Value {
        let first = self.best.first();
        let mut metrics = json!(first.map(|best| best.figures));
        metrics["deflated_sharpe"] =
            json!(self.deflated_sharpe.as_ref().map(|deflated| deflated.probability));
        metrics["reality_check_p_value"] = json!(self.reality_check.p_value);
        if let Some(walk) = &self.walk_forward {
            let of = walk.out_of_sample;
            metrics["out_of_sample_total_return"] = json!(of.total_return);
            metrics["out_of_sample_annual_return"] = json!(of.annual_return);
            metrics["out_of_sample_sharpe"] = json!(of.sharpe);
            metrics["out_of_sample_max_drawdown"] = json!(of.max_drawdown);
        }
        let DateRange { start, end } = self.period;
        json!({
            "engine": self.engine,
            "strategy": self.strategy,
            "period": { "start": start, "end": end, "bars": self.bars },
            "capital": self.capital,
            "objective": self.objective,
            "configurations": self.configurations,
            "ran": self.ran,
            "best": first.map(|best| &best.values),
            "windows": self.walk_forward.as_ref().map(|walk| walk.windows.len()),
            "metrics": metrics,
        })
    }

    pub fn write(&self, scratch: &Path) -> Result<[OutputFile; 2], BacktestRunError> {
        let whole = serde_json::to_vec_pretty(self)
            .map_err(|source| BacktestRunError::Json { what: "the report", source })?;
        let page = html::page(self);
        Ok([
            outputs::write(scratch, ArtifactKind::ReportJson, "report.json", &whole)?,
            outputs::write(scratch, ArtifactKind::ReportHtml, "report.html", page.as_bytes())?,
        ])
    }
}

/// Configuration, its row and figures, the best first; of those that are alike the first.
fn ranked<'a>(parts: &Parts<'a>) -> Vec<(usize, &'a Row, KeyFigures)> {
    let objective = parts.base.run.config.objective;
    let rows = parts.runnable.iter().zip(&parts.state.rows);
    let mut ranked: Vec<(usize, &Row, KeyFigures)> =
        rows.filter_map(|(&place, row)| Some((place, row, row.figures?))).collect();
    let key = |figures: &KeyFigures| objective.of(figures).unwrap_or(f64::NEG_INFINITY);
    ranked.sort_by(|one, other| key(&other.2).total_cmp(&key(&one.2)));
    ranked
}

fn values(grid: &Grid, configuration: usize) -> Map<String, Value> {
    let values = grid.values(configuration).into_iter().cloned();
    grid.axes().iter().map(|axis| axis.path.clone()).zip(values).collect()
}

fn deflated(rows: &[Row], best: Option<&Row>) -> Result<Option<DeflatedSharpe>, BacktestRunError> {
    let ratios: Vec<f64> = rows
        .iter()
        .filter_map(|row| row.sample)
        .map(|sample| alphafleet_backtest::analysis::SharpeSample::from(sample).sharpe)
        .collect();
    let (Some(sample), Some(center)) = (best.and_then(|row| row.sample), mean(&ratios)) else {
        return Ok(None);
    };
    let Some(degrees) = ratios.len().checked_sub(1).filter(|&degrees| degrees > 0) else {
        return Ok(None);
    };
    let squares: f64 = ratios.iter().map(|ratio| (ratio - center).powi(2)).sum();
    let variance = squares / degrees as f64;
    let probability = deflated_sharpe(sample.into(), ratios.len(), variance)?;
    let trials = ratios.len();
    Ok(probability.map(|probability| DeflatedSharpe { probability, trials, variance }))
}

fn check(parts: &Parts<'_>) -> Result<RealityCheckOutcome, BacktestRunError> {
    let has_benchmark = match parts.base.run.plan {
        alphafleet_backtest::plan::Plan::Qlib(config) => !config.benchmark.is_empty(),
        alphafleet_backtest::plan::Plan::Event(plan) => plan.config.benchmark.is_some(),
    };
    let against = if has_benchmark { "benchmark" } else { "zero" };
    let absent = |reason: String| {
        Ok(RealityCheckOutcome { p_value: None, resamples: 0, against, absent: Some(reason) })
    };
    let excess: Vec<Vec<f64>> =
        parts.state.rows.iter().filter_map(|row| row.excess.clone()).collect();
    if excess.is_empty() {
        return absent(format!(
            "{} configurations of {} bars are more than the 1,000,000 returns that are kept",
            parts.base.grid.configurations(),
            parts.base.bars
        ));
    }
    if parts.base.bars < 2 {
        return absent("needs at least two bars".to_owned());
    }
    let config = RealityCheckConfig { resamples: RESAMPLES, ..RealityCheckConfig::default() };
    let found = reality_check(&excess, config)?;
    let p_value = Some(found.p_value);
    Ok(RealityCheckOutcome { p_value, resamples: RESAMPLES, against, absent: None })
}

fn walk_forward(parts: &Parts<'_>) -> WalkForwardReport {
    let windows = &parts.state.windows;
    let curve = curve(windows);
    let returns: Vec<f64> = curve.iter().map(|point| point.return_rate).collect();
    let own = ReturnFigures::of(&returns, parts.base.convention);
    let in_sample: Vec<f64> =
        windows.iter().filter_map(|window| window.in_sample.annual_return).collect();
    let efficiency = own
        .annual_return
        .zip(mean(&in_sample).filter(|mean| *mean > 0.0))
        .map(|(out, within)| out / within);
    let chosen = windows.iter().map(|result| Chosen {
        train: result.window.train,
        test: result.window.test,
        configuration: result.configuration,
        values: values(&parts.base.grid, result.configuration),
        in_sample: result.in_sample,
        out_of_sample: result.out_of_sample,
    });
    WalkForwardReport {
        windows: chosen.collect(),
        out_of_sample: OutOfSample {
            bars: own.bars,
            total_return: own.total_return,
            annual_return: own.annual_return,
            sharpe: own.sharpe,
            sortino: own.sortino,
            max_drawdown: own.max_drawdown.map_or(0.0, |fall| fall.depth),
            efficiency,
        },
        curve,
    }
}
