use std::io;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use alphafleet_backtest::plan::SweepConfig;
use alphafleet_backtest_worker::{SweepProgress, SweepSink, SweepStop};
use alphafleet_specs::{document_from_json, document_from_toml};
use anyhow::Context;
use indicatif::ProgressBar;
use serde_json::Value;

use crate::failure::Usage;

/// What a file says to vary: `axes`, and perhaps `objective` and `walk_forward`. TOML, or by its
/// ending JSON.
pub fn document(path: &Path) -> anyhow::Result<Value> {
    let text = std::fs::read_to_string(path)
        .map_err(|error| Usage(format!("{} cannot be read: {error}", path.display())))?;
    let document = match path.extension() {
        Some(ending) if ending == "json" => document_from_json(&text),
        _ => document_from_toml(&text),
    };
    document.with_context(|| format!("{} is not a sweep", path.display()))
}

/// As [`document`], checked but for the plan.
pub fn config(path: &Path) -> anyhow::Result<SweepConfig> {
    SweepConfig::from_value(&document(path)?)
        .map_err(|fault| Usage(fault.to_string()))
        .with_context(|| format!("{} is not a sweep", path.display()))
}

/// Draws a sweep's progress.
pub struct Screen<'a> {
    pub bar: ProgressBar,
    pub interrupted: &'a AtomicBool,
}

impl SweepSink for Screen<'_> {
    fn stage(&self, name: &str, percent: f64) {
        self.bar.set_prefix(name.to_owned());
        self.bar.set_position((percent * 10.0) as u64);
    }

    fn progress(&self, progress: &SweepProgress) {
        let SweepProgress { done, of, best, .. } = *progress;
        self.bar.set_position((100.0 + 800.0 * done as f64 / of.max(1) as f64) as u64);
        let best = best.map(|best| format!("  best {best:.3}")).unwrap_or_default();
        self.bar.set_message(format!("{done} of {of} runs{best}"));
    }

    fn inform(&self, message: &str) {
        self.bar.suspend(|| eprintln!("{message}"));
    }

    /// Nobody would go on from it.
    fn checkpoint(&self, path: &Path) -> io::Result<()> {
        std::fs::remove_file(path)
    }

    fn stop(&self) -> Option<SweepStop> {
        self.interrupted.load(Ordering::Relaxed).then_some(SweepStop::Abandon)
    }
}
