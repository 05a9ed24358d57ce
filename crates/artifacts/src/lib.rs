//! Object storage behind the port [`ArtifactStore`]: a folder of this machine by `file://…`.
//!
//! Checksums are computed while bytes stream by; a file appears under its key whole or not at
//! all. [`open_store`] picks the storage by URL.

mod error;
mod hash;
mod object;
mod open;

pub use alphafleet_domain::ports::{
    ArtifactError, ArtifactKey, ArtifactKeyError, ArtifactStore, StoredObject,
};
pub use error::OpenError;
pub use hash::{Sha256Stream, sha256_hex};
pub use object::ObjectArtifactStore;
pub use open::open_store;
