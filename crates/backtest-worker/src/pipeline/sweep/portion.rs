use std::ops::Range;
use std::sync::atomic::{AtomicBool, Ordering};

use alphafleet_specs::Share;

use super::super::BacktestRunError;
use super::base::Base;

/// The runs that are to be made here: all of a sweep, or a share of them.
pub(super) struct Portion {
    /// None is all.
    pub share: Option<Share>,
    /// Combinations that are plans: those run over the whole period, or if there are windows all
    /// there are, as each is a candidate in every window.
    pub runnable: Vec<usize>,
    /// Which of the runnable are run over the whole period.
    pub runs: Range<usize>,
    /// Numbers of the windows.
    pub windows: Vec<usize>,
}

impl Portion {
    pub fn whole(base: &Base<'_>, cancel: &AtomicBool) -> Result<Self, BacktestRunError> {
        let stopped = || cancel.load(Ordering::Relaxed);
        let runnable = base.runnable(0..base.grid.configurations(), stopped)?;
        let (runs, windows) = (0..runnable.len(), (0..base.windows.len()).collect());
        Ok(Self { share: None, runnable, runs, windows })
    }

    pub fn of(
        base: &Base<'_>,
        share: Share,
        cancel: &AtomicBool,
    ) -> Result<Self, BacktestRunError> {
        let stopped = || cancel.load(Ordering::Relaxed);
        let configurations = base.grid.configurations();
        let windows: Vec<usize> =
            (0..base.windows.len()).filter(|&number| share.has_window(number)).collect();
        let (runnable, runs) = match share {
            Share::Runs { from, to } => {
                let among = from.min(configurations)..to.min(configurations);
                let runnable = base.runnable(among, stopped)?;
                let runs = 0..runnable.len();
                (runnable, runs)
            }
            Share::Windows { .. } if windows.is_empty() => (Vec::new(), 0..0),
            Share::Windows { .. } => (base.runnable(0..configurations, stopped)?, 0..0),
        };
        Ok(Self { share: Some(share), runnable, runs, windows })
    }

    /// Runs there are to make.
    pub fn len(&self) -> usize {
        self.runs.len() + self.windows.len() * self.runnable.len()
    }

    /// Runs made, when so many rows and windows are there.
    pub fn done(&self, rows: usize, windows: usize) -> usize {
        rows + windows * self.runnable.len()
    }
}
