//! The whole system under test: what lies in `tests/` starts the real binary and breaks it.
//!
//! [`Fleet`] is a running `alphafleet standalone` in a folder of its own; [`Cluster`] is the fleet
//! as separate processes on real services, which it can break; [`Client`] speaks to either as one
//! user; [`Socket`] follows sessions; [`Browser`] opens pages as a person sees them. Waiting is
//! polling with a deadline.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod browser;
mod client;
mod cluster;
mod fleet;
mod history;
mod page;
mod process;
mod socket;

pub use browser::Browser;
pub use client::{Answer, Client};
pub use cluster::{Cluster, Layout, Member, Own, Services};
pub use fleet::{Fleet, binary, shared_folder};
pub use history::{Following, History};
pub use page::Page;
pub use process::{children_of, is_alive, kill_9};
pub use socket::Socket;

use std::time::{Duration, Instant};

/// Asks again and again until there is an answer; panics with `what` when it takes too long.
pub async fn eventually<T>(
    what: &str,
    patience: Duration,
    mut ask: impl AsyncFnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + patience;
    loop {
        if let Some(answer) = ask().await {
            return answer;
        }
        assert!(Instant::now() < deadline, "{what} did not happen within {patience:?}");
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
}
