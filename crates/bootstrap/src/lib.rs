//! Start-up and shutdown: settings, telemetry, and the only place that names adapters.
//!
//! [`Settings`] come from defaults, a file, the environment and the command line; their URLs
//! choose the adapters. [`serve`] runs one process of the fleet in its [`Role`]: all of it in one,
//! a gateway, or a worker.

mod backends;
mod contents;
mod features;
mod health;
mod importer;
mod inputs;
mod keys;
mod parts;
mod process;
mod roles;
mod samples;
mod serve;
mod settings;
pub mod telemetry;
mod translate;
mod url;

pub use backends::{StartError, migrate, revert_last_migration};
pub use process::{Process, ProcessError};
pub use roles::Role;
pub use serve::{ServeArgs, ServeError, cancel_on_signal, run, serve};
pub use settings::{
    BrokerSettings, CallbackSettings, DatabaseSettings, EventSettings, HealthSettings, LogFormat,
    LogSettings, Overrides, QueueKind, RetentionSettings, ServerSettings, Settings, SettingsError,
    TlsSettings, WorkerSettings,
};
pub use url::{Backend, BackendUrl, UrlError};
