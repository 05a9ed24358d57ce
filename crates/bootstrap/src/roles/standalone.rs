use std::sync::Arc;
use std::time::Duration;

use alphafleet_domain::{Clock, SystemClock};
use alphafleet_events::MemoryEventBus;
use tokio_util::sync::CancellationToken;

use super::gateway::{bind, uploads};
use super::scratch;
use crate::backends::Backends;
use crate::keys::Keys;
use crate::parts::Parts;
use crate::process::{Process, ProcessError};
use crate::samples;
use crate::settings::Settings;
use crate::translate::Served;

pub(super) async fn start(settings: &Settings) -> Result<Process, ProcessError> {
    let parts = Parts::new(settings, Backends::prepare(settings).await?);
    let keys = Keys::open(settings, parts.backends()).await?;
    let setup_token = keys.setup.clone();
    let deliverer = parts.deliverer(&keys)?;
    let retention = parts.retention();
    let (worker, woken) = parts.worker(Served::ALL, scratch(settings, "jobs")?)?;
    let (worked, cleaned) = (worker.stats(), retention.stats());
    let gateway = parts
        .gateway(keys, uploads(settings)?)?
        .with_samples(move || [samples::worker(&worked), samples::retention(&cleaned)].concat());
    let (server, mut process) = bind(settings, gateway)?;
    process = process.with_setup_token(setup_token);
    process.spawn(|token| async move { server.run(token).await.map_err(ProcessError::Serve) });
    // What the worker settles while it drains is still to be relayed.
    let settled = CancellationToken::new();
    let drained = settled.clone().drop_guard();
    process.spawn(|token| async move {
        let _drained = drained;
        Ok(worker.run(token).await?)
    });
    let (relay, dispatcher) = (parts.relay(), parts.dispatcher());
    process.spawn_loop(|_| async move { relay.run(settled).await });
    process.spawn_loop(|token| async move { dispatcher.run(token).await });
    process.spawn_loop(|token| async move { woken.run(token).await });
    let eviction = parts.eviction();
    process.spawn_loop(|token| async move { retention.run(token).await });
    process.spawn_loop(|token| async move { eviction.run(token).await });
    process.spawn_loop(|token| async move { deliverer.run(token).await });
    if let Some(events) = parts.backends().memory_events.clone() {
        process.spawn_loop(|token| sweep(events, token));
    }
    Ok(process)
}

/// Forgets the streams of sessions that ended a while ago.
async fn sweep(events: Arc<MemoryEventBus>, shutdown: CancellationToken) {
    let mut interval = tokio::time::interval(Duration::from_secs(60));
    while shutdown.run_until_cancelled(interval.tick()).await.is_some() {
        events.sweep(SystemClock.now());
    }
}
