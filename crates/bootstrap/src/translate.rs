//! From the operator's settings to those of the parts.

use std::path::PathBuf;
use std::time::Duration;

use alphafleet_domain::Queue;
use alphafleet_domain::job::QueueError;
use alphafleet_gateway::{ServerConfig, TlsFiles};
use alphafleet_worker::{ChildCommand, WorkerConfig};

use crate::keys::Keys;
use crate::process::ProcessError;
use crate::settings::{ServerSettings, Settings, WorkerSettings};

/// From the end of a stopped job's process to its settled outcome.
const SETTLING: Duration = Duration::from_secs(20);

/// Which queues a worker serves, besides their resource classes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Served {
    /// `training` and `default`.
    training: bool,
    backtest: bool,
}

impl Served {
    pub const TRAINING: Self = Self { training: true, backtest: false };
    pub const BACKTEST: Self = Self { training: false, backtest: true };
    pub const ALL: Self = Self { training: true, backtest: true };

    /// Each queue with its slots.
    fn queues(self, worker: &WorkerSettings) -> Result<Vec<(Queue, u32)>, QueueError> {
        let mut queues = Vec::new();
        if self.training {
            queues.push((Queue::training(), worker.training_slots));
            queues.push((Queue::default_queue(), worker.default_slots));
        }
        if self.backtest {
            queues.push((Queue::backtest(), worker.backtest_slots));
        }
        for class in &worker.resource_classes {
            if self.training {
                queues.push((Queue::training().with_class(class)?, worker.training_slots));
            }
            if self.backtest {
                queues.push((Queue::backtest().with_class(class)?, worker.backtest_slots));
            }
        }
        Ok(queues)
    }

    /// The jobs that share the cores.
    fn sharing(self, worker: &WorkerSettings) -> u32 {
        if self.training { worker.training_slots } else { worker.backtest_slots }
    }
}

pub(crate) fn worker_config(
    settings: &Settings,
    served: Served,
    scratch: PathBuf,
) -> Result<WorkerConfig, ProcessError> {
    let program = std::env::current_exe().map_err(ProcessError::Program)?;
    let child = ChildCommand::new(program, &["child"]);
    let storage = settings.storage_backend().as_str().to_owned();
    let worker = &settings.worker;
    let mut config = WorkerConfig::new(child, scratch, storage);
    for (queue, slots) in served.queues(worker)? {
        config = config.with_queue(queue, slots);
    }
    config.beat = worker.beat;
    config.window = worker.window;
    config.grace.drain = worker.stop_grace;
    config.grace.cancel = worker.stop_grace.min(config.grace.cancel);
    // A job that uses up its graces is still to be given back, with its checkpoint stored.
    let last_job = config.grace.drain.saturating_add(config.grace.terminate);
    config.grace.shutdown = config.grace.shutdown.max(last_job.saturating_add(SETTLING));
    config.threads = threads_per_job(worker.threads_per_job, served.sharing(worker));
    config.memory_bytes =
        (worker.memory_mib_per_job > 0).then_some(worker.memory_mib_per_job << 20);
    Ok(config)
}

/// An even share of the cores among the slots, unless the operator chose.
fn threads_per_job(chosen: u32, slots: u32) -> usize {
    if chosen > 0 {
        return chosen as usize;
    }
    let cores = std::thread::available_parallelism().map_or(1, usize::from);
    (cores / slots.max(1) as usize).max(1)
}

pub(crate) fn gateway_settings(
    settings: &Settings,
    keys: Keys,
    uploads: PathBuf,
) -> alphafleet_gateway::Settings {
    let mut wanted = alphafleet_gateway::Settings::new(keys.jwt, uploads);
    wanted.token_ttl = settings.server.token_ttl;
    wanted.setup_token = keys.setup.map(|setup| setup.secret);
    wanted.metrics_token = Some(keys.metrics);
    wanted.webhook_key = keys.webhooks;
    wanted.callback_networks.clone_from(&settings.callbacks.allowed_networks);
    wanted.upload_limit_bytes = settings.server.max_upload_mib << 20;
    wanted.rates.requests_per_user_per_second = settings.server.requests_per_user_per_second;
    wanted.sockets.heartbeat = settings.server.heartbeat;
    wanted.backends.database = scheme(settings.database_backend().as_str());
    wanted.backends.broker = scheme(settings.broker_url.as_str());
    wanted.backends.events = scheme(settings.events_url.as_str());
    wanted.backends.storage = scheme(settings.storage_backend().as_str());
    wanted
}

fn scheme(url: &str) -> String {
    url.split("://").next().unwrap_or_default().to_owned()
}

pub(crate) fn server_config(server: &ServerSettings) -> ServerConfig {
    let mut config = ServerConfig::new(server.listen);
    config.threads = server.threads as usize;
    config.drain = server.shutdown_grace;
    config.tls = server
        .tls_certificate
        .clone()
        .zip(server.tls_key.clone())
        .map(|(certificate, key)| TlsFiles { certificate, key });
    config
}
