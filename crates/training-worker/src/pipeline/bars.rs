use alphafleet_datasets::{Import, LoadedVersion};
use alphafleet_market::{Finding, Panel};

/// A panel of raw bars, with what its import found.
#[derive(Debug, Clone, PartialEq)]
pub struct Bars {
    pub panel: Panel,
    /// They become part of the run's own findings.
    pub findings: Vec<Finding>,
}

impl From<Panel> for Bars {
    fn from(panel: Panel) -> Self {
        Self { panel, findings: Vec::new() }
    }
}

impl From<Import> for Bars {
    fn from(import: Import) -> Self {
        Self { panel: import.panel, findings: import.findings }
    }
}

impl From<LoadedVersion> for Bars {
    fn from(loaded: LoadedVersion) -> Self {
        Self { panel: loaded.panel, findings: loaded.manifest.findings }
    }
}
