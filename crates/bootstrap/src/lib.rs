//! Start-up and shutdown: settings, telemetry, and the only place that names adapters.
//!
//! [`Settings`] come from defaults, a file, the environment and the command line; their URLs
//! choose the adapters. [`Standalone`] is the embedded fleet: gateway, worker and the loops beside
//! them in one process.

mod backends;
mod fleet;
mod importer;
mod keys;
mod settings;
mod standalone;
pub mod telemetry;
mod url;

pub use backends::{StartError, migrate, revert_last_migration};
pub use settings::{
    LogFormat, LogSettings, Overrides, ServerSettings, Settings, SettingsError, WorkerSettings,
};
pub use standalone::{Standalone, StandaloneError};
pub use url::{Backend, BackendUrl, UrlError};
