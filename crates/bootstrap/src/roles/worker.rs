use std::net::SocketAddr;

use tokio_util::sync::CancellationToken;

use super::scratch;
use crate::backends::Backends;
use crate::health::Health;
use crate::keys::metrics_token;
use crate::parts::Parts;
use crate::process::{Process, ProcessError};
use crate::samples;
use crate::settings::Settings;
use crate::translate::Served;

/// A process that runs jobs of these queues and answers for its health at `address`.
pub(super) async fn start(
    settings: &Settings,
    served: Served,
    address: SocketAddr,
) -> Result<Process, ProcessError> {
    let parts = Parts::new(settings, Backends::open(settings).await?);
    let (worker, expirer) = parts.worker(served, scratch(settings, "jobs")?)?;
    let (stats, standing) = (worker.stats(), worker.standing());
    let health = Health::new(metrics_token(settings)?)
        .ready_if(move || standing.is_ready())
        .with_samples(move || samples::worker(&stats));
    let (server, mut process) = health.bind(address)?;
    // What the worker settles while it drains is still to be relayed, and told to who asks.
    let settled = CancellationToken::new();
    let drained = settled.clone().drop_guard();
    process.spawn(|token| async move {
        let _drained = drained;
        Ok(worker.run(token).await?)
    });
    let (relay, until) = (parts.relay(), settled.clone());
    process.spawn_loop(|_| async move { relay.run(until).await });
    process.spawn_loop(|token| async move { expirer.run(token).await });
    process.spawn(|_| server.run(settled));
    Ok(process)
}
