use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

/// What an operator decides about callbacks.
#[derive(Debug, Clone)]
pub struct CallbackSettings {
    /// The fleet's key, from which every user's secret comes; at least 32 bytes.
    pub key: SecretString,
    /// Networks that may be called although they are not public, e.g. `10.20.0.0/16`.
    pub allowed_networks: Vec<String>,
    /// PEM file of authorities that are trusted besides the system's.
    pub ca_file: Option<PathBuf>,
    /// How long one try may take, from the look-up of the name to the answer.
    pub timeout: Duration,
    /// Tries at once.
    pub concurrency: usize,
    /// Tries at once to one host and port, and on behalf of one user: whoever is slow holds up no
    /// one else.
    pub per_target: usize,
    /// Between two looks for what is due.
    pub interval: Duration,
    pub retries: Retries,
}

impl CallbackSettings {
    /// Usual values around the key.
    pub fn new(key: SecretString) -> Self {
        Self {
            key,
            allowed_networks: Vec::new(),
            ca_file: None,
            timeout: Duration::from_secs(10),
            concurrency: 64,
            per_target: 4,
            interval: Duration::from_secs(1),
            retries: Retries::default(),
        }
    }
}

/// When a try that failed is made again: the wait grows threefold from `first` to `longest`, each
/// time up to a fifth shorter or longer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Retries {
    pub first: Duration,
    pub longest: Duration,
    /// Tries until a callback is given up.
    pub tries: u32,
}

impl Default for Retries {
    /// Half an hour of quick tries, then hourly ones to the end of about a day.
    fn default() -> Self {
        Self { first: Duration::from_secs(5), longest: Duration::from_secs(3_600), tries: 28 }
    }
}
