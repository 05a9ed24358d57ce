use std::path::{Path, PathBuf};

use alphafleet_datasets::write_panel;
use alphafleet_market::{Panel, SyntheticMarket};
use chrono::NaiveDate;
use tempfile::TempDir;

/// A market without splits, so that raw prices are adjusted ones for whoever reads it; it begins
/// as the golden one does.
pub fn market(instruments: usize, bars: usize) -> Panel {
    settings(instruments, bars).generate().unwrap()
}

/// The same where every instrument has every bar.
pub fn complete_market(instruments: usize, bars: usize) -> Panel {
    let settings = settings(instruments, bars);
    SyntheticMarket { late_listings: 0.0, suspension: 0.0, ..settings }.generate().unwrap()
}

fn settings(instruments: usize, bars: usize) -> SyntheticMarket {
    let start = NaiveDate::from_ymd_opt(2011, 1, 3).unwrap();
    SyntheticMarket { instruments, bars, start, split: 0.0, ..SyntheticMarket::default() }
}

/// A panel as a Parquet file, there as long as this is.
pub struct MarketFile {
    _folder: TempDir,
    path: PathBuf,
}

impl MarketFile {
    pub fn write(panel: &Panel) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("market.parquet");
        write_panel(&path, panel).unwrap();
        Self { _folder: folder, path }
    }

    pub fn path(&self) -> &Path {
        &self.path
    }
}
