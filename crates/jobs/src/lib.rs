//! The use cases over the ports.
//!
//! What people ask for: [`Submit`], [`Cancel`] and, with an import, [`DataSync`]. What runs beside them, in every gateway and
//! monitoring worker, until its shutdown token is cancelled: [`Dispatcher`] makes the broker agree
//! with the database, [`OutboxRelay`] publishes state events in order, [`Expirer`] takes leases
//! away from workers that fell silent; in monitoring workers alone, [`Retention`] removes what is no
//! longer kept, and [`FeatureEviction`] the columns that are not used. Each survives an outage of what it needs.

mod announce;
mod cancel;
mod dispatch;
mod evict;
mod expire;
mod origin;
mod outbox;
mod pace;
mod retention;
mod submit;
mod sync;

pub use announce::Announcer;
pub use cancel::Cancel;
pub use dispatch::{DispatchError, DispatchSettings, Dispatcher};
pub use evict::{EvictionSettings, FeatureEviction};
pub use expire::{Confidence, ExpireSettings, Expirer};
pub use origin::Origin;
pub use outbox::{OutboxRelay, OutboxSettings, RelayError, Relayed};
pub use retention::{Retention, RetentionError, RetentionSettings, RetentionStats};
pub use submit::{Submit, SubmitRequest};
pub use sync::{DataSync, FollowingFeatures};
