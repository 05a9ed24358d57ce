use std::path::{Path, PathBuf};

use alphafleet_datasets::{IcFile, IcRows};
use alphafleet_domain::ArtifactKind;
use alphafleet_factors::{EffectivenessReport, FactorEffectiveness};
use alphafleet_models::effectiveness_html;
use alphafleet_worker::child::OutputFile;
use chrono::NaiveDateTime;

use crate::pipeline::TrainError;
use crate::pipeline::outputs::write;

/// The progress that storing begins at.
pub(super) const FROM: f64 = 85.0;

const JSON: &str = "effectiveness.json";
const HTML: &str = "effectiveness.html";
const SERIES: &str = "ic.parquet";

/// The files an evaluation leaves, all in the scratch folder.
pub(super) struct Outputs {
    scratch: PathBuf,
    ics: Option<IcFile>,
}

impl Outputs {
    /// `series`: with a file of each bar's ICs.
    pub(super) fn create(scratch: &Path, series: bool) -> Result<Self, TrainError> {
        let ics = series.then(|| IcFile::create(&scratch.join(SERIES))).transpose()?;
        Ok(Self { scratch: scratch.to_owned(), ics })
    }

    /// Takes the factor's series of ICs out and writes them.
    pub(super) fn series(
        &mut self,
        times: &[NaiveDateTime],
        factor: &mut FactorEffectiveness,
    ) -> Result<(), TrainError> {
        for horizon in &mut factor.horizons {
            let (Some(file), Some(series)) = (&mut self.ics, horizon.series.take()) else {
                continue;
            };
            file.append(&IcRows {
                factor: &factor.name,
                horizon: horizon.horizon as u32,
                times,
                ic: &series.ic,
                rank_ic: &series.rank_ic,
                instruments: &series.instruments,
            })?;
        }
        Ok(())
    }

    /// Writes the report, as JSON and as a page, and ends the file of ICs. `data` is what the data
    /// is called.
    pub(super) fn finish(
        self,
        report: &EffectivenessReport,
        data: &str,
    ) -> Result<Vec<OutputFile>, TrainError> {
        let json = serde_json::to_vec(report)
            .map_err(|source| TrainError::Json { what: "the report", source })?;
        let page = effectiveness_html(report, data);
        let mut files = vec![
            write(&self.scratch, ArtifactKind::ReportJson, JSON, &json)?,
            write(&self.scratch, ArtifactKind::ReportHtml, HTML, page.as_bytes())?,
        ];
        if let Some(ics) = self.ics {
            files.push(OutputFile::new(ArtifactKind::Other, SERIES, ics.finish()?));
        }
        Ok(files)
    }
}
