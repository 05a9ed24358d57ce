use std::io;
use std::path::PathBuf;

use thiserror::Error;

/// Why callbacks cannot be delivered at all.
#[derive(Debug, Error)]
pub enum CallbackError {
    #[error("{network:?} is not a network such as 10.20.0.0/16")]
    Network { network: String },
    #[error("the secret that signs callbacks has {found} bytes; at least {needed} are needed")]
    WeakKey { found: usize, needed: usize },
    #[error("the certificates of authority in {} cannot be read", file.display())]
    Authority { file: PathBuf, source: io::Error },
    #[error("TLS cannot be set up")]
    Tls(#[from] rustls::Error),
}
