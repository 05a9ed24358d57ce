use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;

use alphafleet_backtest::WindowResult;
use alphafleet_backtest::analysis::SharpeSample;
use alphafleet_backtest::plan::{KeyFigures, Outcome, Plan};
use alphafleet_specs::Share;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::BacktestRunError;
use super::base::Base;

/// Of the layout of a [`State`] as JSON; raised when an older one cannot be read any more.
pub(super) const SCHEMA_VERSION: u32 = 1;

/// What a sweep or a share of it has done. As JSON, whose numbers are read back exactly, it is the
/// checkpoint of either and the file that a share leaves.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    pub schema_version: u32,
    pub build: String,
    /// Everything the figures depend on, but for the build.
    of: Value,
    /// None is the whole sweep.
    pub share: Option<Share>,
    /// In the order of the configurations that are plans.
    pub rows: Vec<Row>,
    /// In the order of the windows.
    pub windows: Vec<WindowResult>,
}

/// What is kept of a run. Every number is finite.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Row {
    pub figures: Option<KeyFigures>,
    /// Why there are no figures.
    pub fault: Option<String>,
    pub sample: Option<Sample>,
    /// Returns above the benchmark, or above nothing where there is none.
    pub excess: Option<Vec<f64>>,
}

/// A [`SharpeSample`] as it is written.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub(super) struct Sample {
    sharpe: f64,
    skewness: f64,
    kurtosis: f64,
    observations: usize,
}

impl From<SharpeSample> for Sample {
    fn from(sample: SharpeSample) -> Self {
        let SharpeSample { sharpe, skewness, kurtosis, observations } = sample;
        Self { sharpe, skewness, kurtosis, observations }
    }
}

impl From<Sample> for SharpeSample {
    fn from(sample: Sample) -> Self {
        let Sample { sharpe, skewness, kurtosis, observations } = sample;
        Self { sharpe, skewness, kurtosis, observations }
    }
}

impl State {
    /// Nothing done yet.
    pub fn new(base: &Base<'_>, share: Option<Share>) -> Self {
        let run = base.run;
        let of = json!({
            "plan": run.plan.to_value(),
            "sweep": run.config,
            "data": run.dataset.version,
            "inputs": run.inputs,
            "keeps_returns": base.keeps_returns(),
        });
        let (schema_version, build) = (SCHEMA_VERSION, run.build.to_owned());
        Self { schema_version, build, of, share, rows: Vec::new(), windows: Vec::new() }
    }

    /// Whether both are of one sweep, whatever their shares and builds.
    pub fn is_of(&self, other: &Self) -> bool {
        self.of == other.of
    }

    /// Whether this is a checkpoint of what the other begins.
    pub fn goes_on_from(&self, begun: &Self) -> bool {
        self.schema_version == begun.schema_version
            && self.build == begun.build
            && self.share == begun.share
            && self.is_of(begun)
    }

    /// None where there is no such file, or another.
    pub fn read(path: &Path) -> Option<Self> {
        serde_json::from_reader(BufReader::new(File::open(path).ok()?)).ok()
    }

    pub fn write(&self, path: &Path) -> Result<(), BacktestRunError> {
        let failed = |source| BacktestRunError::Write { path: path.to_owned(), source };
        let mut file = BufWriter::new(File::create(path).map_err(failed)?);
        serde_json::to_writer(&mut file, self).map_err(|error| failed(error.into()))?;
        file.flush().map_err(failed)
    }

    /// Refuses a sweep of which nothing could be run.
    pub fn check_any_ran(&self) -> Result<(), BacktestRunError> {
        if self.rows.iter().any(|row| row.figures.is_some()) {
            return Ok(());
        }
        let reason = self.rows.iter().find_map(|row| row.fault.clone()).unwrap_or_default();
        Err(BacktestRunError::NoneRan { configurations: self.rows.len(), reason })
    }
}

/// Whether all there is of a run's figures can be written down.
pub(super) fn is_finite(figures: &KeyFigures) -> bool {
    figures.costs.is_finite() && figures.max_drawdown.is_finite()
}

impl Row {
    /// Keeps the excess over so many bars; a run that was ruined stays where it is.
    pub fn of(plan: &Plan, outcome: &Outcome, bars: Option<usize>) -> Self {
        let returns = outcome.returns();
        let sample = SharpeSample::of(&returns).map(Sample::from);
        let excess = bars.map(|bars| {
            let benchmark = outcome.benchmark().unwrap_or_default();
            let of = |bar| benchmark.get(bar).copied().unwrap_or(0.0);
            let mut excess: Vec<f64> =
                returns.iter().enumerate().map(|(bar, value)| value - of(bar)).collect();
            excess.resize(bars, 0.0);
            excess
        });
        let figures = KeyFigures::of(plan, outcome);
        let mut numbers = returns.iter().chain(excess.iter().flatten());
        if !numbers.all(|number| number.is_finite()) || !is_finite(&figures) {
            return Self::refused("its returns or costs are not finite numbers".to_owned());
        }
        Self { figures: Some(figures), fault: None, sample, excess }
    }

    pub fn refused(fault: String) -> Self {
        Self { figures: None, fault: Some(fault), sample: None, excess: None }
    }
}
