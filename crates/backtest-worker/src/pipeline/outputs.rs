use std::path::Path;

use crate::report::Report;
use alphafleet_backtest::plan::Outcome;
use alphafleet_domain::ArtifactKind;
use alphafleet_market::Panel;
use alphafleet_worker::child::OutputFile;
use chrono::NaiveDateTime;

use super::columns::Columns;
use super::{BacktestRunError, event_files, qlib_files};

/// Files to be written as Parquet.
pub(super) type Tables = Vec<(ArtifactKind, &'static str, Columns)>;

/// What a panel calls its instruments and bars.
#[derive(Debug, Clone, Copy)]
pub(super) struct Names<'a>(pub &'a Panel);

impl<'a> Names<'a> {
    pub fn of(self, instrument: usize) -> &'a str {
        self.0.instruments().get(instrument).map_or("", String::as_str)
    }

    pub fn time(self, bar: usize) -> Option<NaiveDateTime> {
        self.0.calendar().get(bar).copied()
    }
}

/// Writes the tables of a run.
pub(super) fn tables(
    scratch: &Path,
    panel: &Panel,
    outcome: &Outcome,
) -> Result<Vec<OutputFile>, BacktestRunError> {
    let tables = match outcome {
        Outcome::Qlib(result) => qlib_files::tables(Names(panel), result),
        Outcome::Event(result) => event_files::tables(Names(panel), result),
    };
    let mut files = Vec::with_capacity(tables.len());
    for (kind, name, columns) in tables {
        let file = OutputFile::new(kind, name, scratch.join(name));
        columns.write(&file.path)?;
        files.push(file);
    }
    Ok(files)
}

/// Writes the report: figures by name, the whole, and the page.
pub(super) fn report(scratch: &Path, report: &Report) -> Result<[OutputFile; 3], BacktestRunError> {
    let json = |what| move |source| BacktestRunError::Json { what, source };
    let metrics = serde_json::to_vec_pretty(&report.metrics()).map_err(json("the figures"))?;
    let whole = serde_json::to_vec_pretty(report).map_err(json("the report"))?;
    Ok([
        write(scratch, ArtifactKind::Metrics, "metrics.json", &metrics)?,
        write(scratch, ArtifactKind::ReportJson, "report.json", &whole)?,
        write(scratch, ArtifactKind::ReportHtml, "report.html", report.to_html().as_bytes())?,
    ])
}

pub(super) fn write(
    scratch: &Path,
    kind: ArtifactKind,
    name: &str,
    bytes: &[u8],
) -> Result<OutputFile, BacktestRunError> {
    let file = OutputFile::new(kind, name, scratch.join(name));
    std::fs::write(&file.path, bytes)
        .map_err(|source| BacktestRunError::Write { path: file.path.clone(), source })?;
    Ok(file)
}
