use alphafleet_domain::NewModel;
use alphafleet_factors::Matrix;
use alphafleet_models::{
    DatasetSummary, Environment, FinalMetrics, Finding, IcPoint, ModelSummary,
    REPORT_SCHEMA_VERSION, SegmentSummary, TrainingReport,
};
use alphafleet_worker::child::OutputFile;
use chrono::{DateTime, NaiveDate, Utc};
use serde_json::{Value, json};

use super::evaluate::Evaluation;
use super::fit::Fitted;
use super::prepare::Market;
use super::process::Matrices;
use super::{Run, TrainError, Trained};
use crate::threads::threads;

/// What a report is made of.
pub(super) struct Parts<'a> {
    pub run: &'a Run<'a>,
    pub started: DateTime<Utc>,
    pub market: Market,
    pub matrices: &'a Matrices,
    pub fitted: Fitted,
    pub evaluation: Evaluation,
}

impl Parts<'_> {
    pub fn report(self, model_sha256: String) -> TrainingReport {
        let dataset = self.dataset();
        let Self { run, started, market, matrices, fitted, evaluation } = self;
        let day = |bar: u32| day(&market, bar);
        let Matrices { train, valid, test, .. } = matrices;
        let segments = [("train", train), ("valid", valid), ("test", test)];
        let ic_point = |bar: &alphafleet_factors::BarIc| IcPoint {
            datetime: market.calendar.get(bar.bar as usize).copied().unwrap_or_default(),
            ic: Some(bar.ic),
            rank_ic: Some(bar.rank_ic),
        };
        let now = (run.now)();
        TrainingReport {
            schema_version: REPORT_SCHEMA_VERSION,
            session: run.session.to_owned(),
            created_at: now,
            duration_s: (now - started).num_milliseconds().max(0) as f64 / 1000.0,
            dataset,
            configuration: run.spec.to_value(),
            segments: segments.map(|(name, rows)| segment(name, rows, day)).into(),
            label: run.spec.label.expression.clone(),
            model: ModelSummary {
                kind: fitted.model.type_name().to_owned(),
                rounds: fitted.rounds,
                best_round: fitted.best_round,
                features: train.feature_names.len() as u64,
                sha256: model_sha256,
            },
            metrics: FinalMetrics::new(evaluation.values),
            history: fitted.history,
            feature_importance: fitted.importance,
            ic_series: evaluation.series.iter().map(ic_point).collect(),
            findings: market.findings.clone(),
            environment: Environment {
                build: run.build.to_owned(),
                threads: u32::try_from(threads(run.spec.threads, run.threads)).unwrap_or(u32::MAX),
                seed: run.spec.seed,
            },
        }
    }

    fn dataset(&self) -> DatasetSummary {
        let calendar = &self.market.calendar;
        let edge =
            |time: Option<&chrono::NaiveDateTime>| time.map(|t| t.date()).unwrap_or_default();
        DatasetSummary {
            name: self.run.dataset.name.to_owned(),
            version: self.run.dataset.version.to_owned(),
            instruments: self.market.instruments.len() as u64,
            rows: self.market.rows as u64,
            start: edge(calendar.first()),
            end: edge(calendar.last()),
        }
    }
}

fn day(market: &Market, bar: u32) -> NaiveDate {
    market.calendar.get(bar as usize).map(|time| time.date()).unwrap_or_default()
}

fn segment(name: &str, matrix: &Matrix, day: impl Fn(u32) -> NaiveDate) -> SegmentSummary {
    let edge = |row: Option<&alphafleet_factors::Row>| row.map(|row| day(row.bar));
    SegmentSummary {
        name: name.to_owned(),
        start: edge(matrix.rows.first()).unwrap_or_default(),
        end: edge(matrix.rows.last()).unwrap_or_default(),
        rows: matrix.len() as u64,
    }
}

/// The result of a run, from its report.
pub(super) fn trained(
    report: TrainingReport,
    files: Vec<OutputFile>,
) -> Result<Trained, TrainError> {
    let json = |value: Result<Value, serde_json::Error>| {
        value.map_err(|source| TrainError::Json { what: "the result", source })
    };
    let metrics = &report.metrics;
    let metrics = json!({
        "ic": metrics.ic.value,
        "icir": metrics.icir.value,
        "rank_ic": metrics.rank_ic.value,
        "rank_icir": metrics.rank_icir.value,
        "mse": metrics.mse.value,
        "accuracy": metrics.accuracy.value,
    });
    let model = &report.model;
    let summary = json!({
        "model": {
            "type": model.kind,
            "sha256": model.sha256,
            "rounds": model.rounds,
            "best_round": model.best_round,
            "features": model.features,
        },
        "metrics": metrics,
        "segments": json(serde_json::to_value(&report.segments))?,
        "dataset": json(serde_json::to_value(&report.dataset))?,
        "findings": json(serde_json::to_value(&report.findings))?,
    });
    let model = NewModel { model_type: report.model.kind, sha256: report.model.sha256, metrics };
    Ok(Trained { summary, model, files })
}

pub(super) fn finding(severity: &str, code: &str, message: String) -> Finding {
    Finding { severity: severity.to_owned(), code: code.to_owned(), message }
}

pub(super) fn market_finding(found: alphafleet_market::Finding) -> Finding {
    finding(&found.severity.to_string(), found.code.as_str(), found.message)
}

pub(crate) fn factor_finding(found: alphafleet_factors::Finding) -> Finding {
    let severity = if found.code == "label_purged" { "info" } else { "warning" };
    finding(severity, &found.code, found.message)
}
