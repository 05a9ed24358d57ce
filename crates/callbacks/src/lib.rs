//! Announces how a job ended to the address its owner gave.
//!
//! The announcement is written in the transaction that ends the job; a [`Deliverer`] takes what is
//! due, posts the task as JSON and tries again until the receiver has answered. It is signed as
//! [Standard Webhooks](https://www.standardwebhooks.com) describes, with a secret of each user's
//! own: [`WebhookSecrets`]. A user chooses where we connect to, so an [`AddressGuard`] judges every
//! address a name leads to, and the connection goes to just those addresses.

mod connect;
mod deliver;
mod error;
mod guard;
mod post;
mod retry;
mod secret;
mod settings;
mod stats;
mod target;
mod tls;

pub use deliver::Deliverer;
pub use error::CallbackError;
pub use guard::AddressGuard;
pub use secret::WebhookSecrets;
pub use settings::{CallbackSettings, Retries};
pub use stats::CallbackStats;
pub use target::{CallbackUrl, UrlFault};
