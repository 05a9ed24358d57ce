use std::sync::Arc;
use std::time::Duration;

use alphafleet_domain::ports::JobStore;

use crate::backends::Backends;
use crate::health::{Health, Pulse};
use crate::keys::{Keys, metrics_token};
use crate::parts::Parts;
use crate::process::{Process, ProcessError};
use crate::samples;
use crate::settings::Settings;

/// Between two looks whether the database answers.
const PULSE: Duration = Duration::from_secs(1);

pub(super) async fn start(settings: &Settings) -> Result<Process, ProcessError> {
    let parts = Parts::new(settings, Backends::open(settings).await?);
    let keys = Keys::open(settings, parts.backends()).await?;
    let (deliverer, retention) = (parts.deliverer(&keys)?, parts.retention());
    let (cleaned, pulse) = (retention.stats(), Arc::new(Pulse::default()));
    let felt = pulse.clone();
    let health = Health::new(metrics_token(settings)?)
        .ready_if(move || felt.is_fresh(PULSE * 5))
        .with_samples(move || samples::retention(&cleaned));
    let (server, mut process) = health.bind(settings.health.monitoring_worker)?;
    let store: Arc<dyn JobStore> = Arc::new(parts.backends().store.clone());
    process.spawn_loop(|token| async move { pulse.feel(&*store, PULSE, token).await });
    parts.spawn_loops(&mut process);
    let eviction = parts.eviction();
    process.spawn_loop(|token| async move { retention.run(token).await });
    process.spawn_loop(|token| async move { eviction.run(token).await });
    process.spawn_loop(|token| async move { deliverer.run(token).await });
    process.spawn(|token| server.run(token));
    Ok(process)
}
