use std::fs;
use std::path::Path;

use alphafleet_datasets::{ColumnValues, KeyOrder, Table, TableColumn, write_table_file};
use alphafleet_domain::ArtifactKind;
use alphafleet_factors::{FeatureFrame, Matrix};
use alphafleet_models::{ModelFile, TrainingReport, sha256_hex};
use alphafleet_worker::child::OutputFile;
use chrono::NaiveDateTime;
use serde_json::json;

use super::evaluate::Evaluation;
use super::fit::Fitted;
use super::prepare::{LABEL, Market, Prepared};
use super::process::Matrices;
use super::{Run, TrainError};

/// Writes the model with all that is needed to predict with it; gives its checksum too.
pub(super) fn model(
    run: &Run<'_>,
    matrices: &Matrices,
    fitted: &Fitted,
) -> Result<(OutputFile, String), TrainError> {
    let json = |what| move |source| TrainError::Json { what, source };
    let file = ModelFile {
        model: fitted.model.clone(),
        features: matrices.train.feature_names.clone(),
        label: json!({ "name": LABEL, "expression": run.spec.label.expression }),
        processors: json!({
            "infer": serde_json::to_value(&matrices.infer).map_err(json("a processor"))?,
            "learn": serde_json::to_value(&matrices.learn).map_err(json("a processor"))?,
        }),
    };
    let bytes = file.to_bytes()?;
    let sha256 = sha256_hex(&bytes);
    Ok((write(run.scratch, ArtifactKind::Model, "model.afm", &bytes)?, sha256))
}

/// `datetime, instrument, score, label`: every bar of the test segment from an
/// instrument's first to its last; the label is the raw one, null where the future is not known.
pub(super) fn predictions(
    scratch: &Path,
    market: &Market,
    test: &Matrix,
    evaluation: &Evaluation,
) -> Result<OutputFile, TrainError> {
    let name = |instrument: u32| market.instruments[instrument as usize].as_str();
    let instruments: Vec<&str> = test.rows.iter().map(|row| name(row.instrument)).collect();
    let times: Vec<_> = test.rows.iter().map(|row| market.calendar[row.bar as usize]).collect();
    let table = Table {
        instruments: &instruments,
        times: &times,
        columns: vec![
            TableColumn { name: "score", values: ColumnValues::F64(&evaluation.scores) },
            TableColumn { name: "label", values: ColumnValues::F32(&test.label_raw) },
        ],
        keys: KeyOrder::DatetimeFirst,
    };
    let output = file(scratch, ArtifactKind::Predictions, "predictions.parquet");
    write_table_file(&output.path, &table)?;
    Ok(output)
}

/// `instrument, datetime`, every feature, and the label, all raw: one row a bar.
pub(super) fn features(scratch: &Path, prepared: &Prepared) -> Result<OutputFile, TrainError> {
    let Prepared { market, features, labels, present, .. } = prepared;
    let (instruments, times) = keys(market, features, present);
    let take = |column: &[f32]| -> Vec<f32> {
        let present = column.iter().zip(present).filter(|(_, present)| **present);
        present.map(|(value, _)| *value).collect()
    };
    let mut columns: Vec<(&str, Vec<f32>)> = Vec::new();
    for frame in [features, labels] {
        for (at, name) in frame.names().iter().enumerate() {
            columns.push((name, take(frame.column(at))));
        }
    }
    let columns = columns
        .iter()
        .map(|(name, values)| TableColumn { name, values: ColumnValues::F32(values) })
        .collect();
    let table = Table {
        instruments: &instruments,
        times: &times,
        columns,
        keys: KeyOrder::InstrumentFirst,
    };
    let output = file(scratch, ArtifactKind::Features, "features.parquet");
    write_table_file(&output.path, &table)?;
    Ok(output)
}

fn keys<'a>(
    market: &'a Market,
    frame: &FeatureFrame,
    present: &[bool],
) -> (Vec<&'a str>, Vec<NaiveDateTime>) {
    let (mut instruments, mut times) = (Vec::new(), Vec::new());
    for (at, name) in market.instruments.iter().enumerate() {
        for (cell, bar) in frame.cells(at).zip(frame.listed(at)) {
            if present[cell] {
                instruments.push(name.as_str());
                times.push(market.calendar[bar]);
            }
        }
    }
    (instruments, times)
}

/// The report as JSON and as a page.
pub(super) fn reports(
    scratch: &Path,
    report: &TrainingReport,
) -> Result<[OutputFile; 2], TrainError> {
    let json =
        report.to_json().map_err(|source| TrainError::Json { what: "the report", source })?;
    Ok([
        write(scratch, ArtifactKind::ReportJson, "report.json", json.as_bytes())?,
        write(scratch, ArtifactKind::ReportHtml, "report.html", report.to_html().as_bytes())?,
    ])
}

fn file(scratch: &Path, kind: ArtifactKind, name: &str) -> OutputFile {
    OutputFile::new(kind, name, scratch.join(name))
}

/// Writes one file of the scratch folder as a whole.
pub(crate) fn write(
    scratch: &Path,
    kind: ArtifactKind,
    name: &str,
    bytes: &[u8],
) -> Result<OutputFile, TrainError> {
    let output = file(scratch, kind, name);
    fs::write(&output.path, bytes)
        .map_err(|source| TrainError::Write { path: output.path.clone(), source })?;
    Ok(output)
}
