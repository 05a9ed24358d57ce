use std::fs::File;
use std::io::{BufReader, BufWriter, Write};
use std::path::Path;

use alphafleet_backtest::WindowResult;
use alphafleet_backtest::analysis::SharpeSample;
use alphafleet_backtest::plan::{KeyFigures, Outcome, Plan};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{BacktestRunError, SweepRun};

/// What a sweep has done; as JSON its checkpoint, whose numbers are read back exactly.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct State {
    /// Everything the figures depend on.
    of: Value,
    /// In the order of the configurations that are plans.
    pub rows: Vec<Row>,
    pub windows: Vec<WindowResult>,
}

/// What is kept of a run.
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
    pub fn new(run: &SweepRun<'_>, keeps_returns: bool) -> Self {
        let of = json!({
            "plan": run.plan.to_value(),
            "sweep": run.config,
            "data": run.dataset.version,
            "build": run.build,
            "keeps_returns": keeps_returns,
        });
        Self { of, rows: Vec::new(), windows: Vec::new() }
    }

    pub fn is_of(&self, other: &Self) -> bool {
        self.of == other.of
    }

    /// Runs done, where so many configurations are plans.
    pub fn runs(&self, runnable: usize) -> usize {
        self.rows.len() + self.windows.len() * runnable
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
        Self { figures: Some(KeyFigures::of(plan, outcome)), fault: None, sample, excess }
    }

    pub fn refused(fault: String) -> Self {
        Self { figures: None, fault: Some(fault), sample: None, excess: None }
    }
}
