//! The gateway's API from a client's side.

mod api;
mod credentials;
mod error;
mod features;
mod follow;

pub use api::{Api, IdempotencyKey};
pub use credentials::Credentials;
pub use error::ClientError;
pub use features::FeatureWork;
pub use follow::{Followed, Follower};
