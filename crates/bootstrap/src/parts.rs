use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use alphafleet_callbacks::Deliverer;
use alphafleet_domain::ports::JobStore;
use alphafleet_domain::{Clock, SystemClock};
use alphafleet_gateway::{Gateway, Parts as GatewayParts};
use alphafleet_jobs::{
    Announcer, Cancel, DataSync, DispatchSettings, Dispatcher, EvictionSettings, ExpireSettings,
    Expirer, FeatureEviction, OutboxRelay, OutboxSettings, Retention, RetentionSettings, Submit,
};
use alphafleet_worker::{Worker, WorkerPorts};

use crate::backends::Backends;
use crate::contents::StoredContents;
use crate::features::StoredFeatures;
use crate::importer::DatasetImporter;
use crate::inputs::JobInputs;
use crate::keys::Keys;
use crate::process::{Process, ProcessError};
use crate::settings::Settings;
use crate::translate::{Served, gateway_settings, worker_config};

/// A worker judges others less often than those whose task it is, but whenever a ticket comes
/// again.
const WORKERS_JUDGEMENT: Duration = Duration::from_secs(1);

/// What processes are made of: the use cases around one set of adapters.
pub(crate) struct Parts<'a> {
    settings: &'a Settings,
    backends: Backends,
    clock: Arc<dyn Clock>,
    relay: Arc<OutboxRelay>,
    announcer: Announcer,
}

impl<'a> Parts<'a> {
    pub fn new(settings: &'a Settings, backends: Backends) -> Self {
        let store: Arc<dyn JobStore> = Arc::new(backends.store.clone());
        let events = backends.events.clone();
        let relay = Arc::new(OutboxRelay::new(store, events, OutboxSettings::default()));
        let announcer = Announcer::new(backends.broker.clone(), relay.clone());
        Self { settings, backends, clock: Arc::new(SystemClock), relay, announcer }
    }

    pub const fn backends(&self) -> &Backends {
        &self.backends
    }

    fn store(&self) -> Arc<alphafleet_store::Store> {
        Arc::new(self.backends.store.clone())
    }

    pub fn relay(&self) -> Arc<OutboxRelay> {
        self.relay.clone()
    }

    pub fn expirer(&self) -> Arc<Expirer> {
        self.expirer_that_judges(ExpireSettings::default().interval)
    }

    fn expirer_that_judges(&self, interval: Duration) -> Arc<Expirer> {
        let window = self.settings.worker.window;
        let settings = ExpireSettings { window, interval, ..ExpireSettings::default() };
        let announcer = self.announcer.clone();
        Arc::new(Expirer::new(self.store(), announcer, self.clock.clone(), settings))
    }

    pub fn dispatcher(&self) -> Dispatcher {
        let broker = self.backends.broker.clone();
        Dispatcher::new(self.store(), broker, DispatchSettings::default())
    }

    pub fn retention(&self) -> Retention {
        let retention = &self.settings.retention;
        let settings = RetentionSettings {
            policy: retention.policy(),
            files: retention.files,
            interval: retention.interval,
        };
        Retention::new(self.store(), self.backends.artifacts.clone(), settings)
    }

    pub fn eviction(&self) -> FeatureEviction {
        let retention = &self.settings.retention;
        let bytes = retention.feature_cache_mib << 20;
        let settings = EvictionSettings { bytes, interval: retention.interval };
        FeatureEviction::new(self.store(), self.backends.artifacts.clone(), settings)
    }

    pub fn deliverer(&self, keys: &Keys) -> Result<Deliverer, ProcessError> {
        let mut settings = alphafleet_callbacks::CallbackSettings::new(keys.webhooks.clone());
        settings.allowed_networks.clone_from(&self.settings.callbacks.allowed_networks);
        settings.ca_file.clone_from(&self.settings.tls.ca_file);
        Ok(Deliverer::new(self.store(), settings)?)
    }

    /// The worker and the expirer that its redelivered tickets wake.
    pub fn worker(
        &self,
        served: Served,
        scratch: PathBuf,
    ) -> Result<(Worker, Arc<Expirer>), ProcessError> {
        let expirer = self.expirer_that_judges(WORKERS_JUDGEMENT);
        let ports = WorkerPorts {
            store: self.store(),
            broker: self.backends.broker.clone(),
            events: self.backends.events.clone(),
            artifacts: self.backends.artifacts.clone(),
            announcer: self.announcer.clone(),
            prepare: Arc::new(JobInputs::new(self.store(), self.store(), self.store())),
            expirer: Some(expirer.clone()),
            clock: self.clock.clone(),
        };
        Ok((Worker::new(worker_config(self.settings, served, scratch)?, ports), expirer))
    }

    pub fn gateway(&self, keys: Keys, uploads: PathBuf) -> Result<Gateway, ProcessError> {
        let store = self.store();
        let artifacts = self.backends.artifacts.clone();
        let sync = DataSync::new(store.clone(), self.announcer.clone());
        let importer =
            DatasetImporter::new(store.clone(), sync, artifacts.clone(), self.clock.clone());
        let parts = GatewayParts {
            jobs: store.clone(),
            users: store.clone(),
            strategies: store.clone(),
            experiments: store.clone(),
            datasets: store.clone(),
            features: store.clone(),
            feature_values: Arc::new(StoredFeatures::new(store.clone(), artifacts.clone())),
            contents: Arc::new(StoredContents::new(artifacts.clone())),
            models: store.clone(),
            audit: store.clone(),
            passes: store.clone(),
            callbacks: store.clone(),
            broker: self.backends.broker.clone(),
            events: self.backends.events.clone(),
            artifacts,
            importer: Arc::new(importer),
            submit: Submit::new(store.clone(), self.announcer.clone()),
            cancel: Cancel::new(store, self.announcer.clone()),
            clock: self.clock.clone(),
        };
        Ok(Gateway::new(parts, gateway_settings(self.settings, keys, uploads))?)
    }

    /// What runs beside every gateway and in every monitoring worker.
    pub fn spawn_loops(&self, process: &mut Process) {
        let (relay, dispatcher, expirer) = (self.relay(), self.dispatcher(), self.expirer());
        process.spawn_loop(|token| async move { relay.run(token).await });
        process.spawn_loop(|token| async move { dispatcher.run(token).await });
        process.spawn_loop(|token| async move { expirer.run(token).await });
    }
}
