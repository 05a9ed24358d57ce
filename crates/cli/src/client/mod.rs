//! The gateway's API from a client's side.

mod api;
mod credentials;
mod error;
mod follow;

pub use api::{Api, IdempotencyKey};
pub use credentials::Credentials;
pub use error::ClientError;
pub use follow::{Followed, Follower};
