use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use alphafleet_callbacks::{AddressGuard, CallbackError, WebhookSecrets};
use alphafleet_domain::Clock;
use alphafleet_domain::ports::{
    ArtifactStore, AuditLog, Broker, CallbackStore, DatasetStore, EventBus, ExperimentStore,
    FeatureStore, JobStore, ModelStore, PassStore, StoreError, StrategyStore, UserStore,
};
use alphafleet_jobs::{Cancel, Submit};
use secrecy::ExposeSecret;
use thiserror::Error;
use tokio_util::sync::CancellationToken;

use crate::access::{Limiters, Tokens};
use crate::contents::ContentReader;
use crate::feature_reader::FeatureReader;
use crate::importer::Importer;
use crate::live::{Connections, Hubs};
use crate::settings::Settings;
use crate::telemetry::{Sample, Telemetry};

/// The ports and use cases a gateway works with.
#[derive(Clone)]
pub struct Parts {
    pub jobs: Arc<dyn JobStore>,
    pub users: Arc<dyn UserStore>,
    pub strategies: Arc<dyn StrategyStore>,
    pub experiments: Arc<dyn ExperimentStore>,
    pub datasets: Arc<dyn DatasetStore>,
    pub features: Arc<dyn FeatureStore>,
    pub feature_values: Arc<dyn FeatureReader>,
    pub contents: Arc<dyn ContentReader>,
    pub models: Arc<dyn ModelStore>,
    pub audit: Arc<dyn AuditLog>,
    pub passes: Arc<dyn PassStore>,
    pub callbacks: Arc<dyn CallbackStore>,
    pub broker: Arc<dyn Broker>,
    pub events: Arc<dyn EventBus>,
    pub artifacts: Arc<dyn ArtifactStore>,
    pub importer: Arc<dyn Importer>,
    pub submit: Submit,
    pub cancel: Cancel,
    pub clock: Arc<dyn Clock>,
}

#[derive(Debug, Error)]
pub enum GatewayError {
    #[error(
        "the signing secret has {found} bytes; at least {} are needed",
        Tokens::MIN_SECRET_BYTES
    )]
    WeakSecret { found: usize },
    #[error("the metrics cannot be registered")]
    Metrics,
    #[error("callbacks cannot be asked for")]
    Callbacks(#[from] CallbackError),
}

/// Everything a request may need. What another gateway would miss is in none of it: limiters and
/// connections count only what comes here.
pub struct Gateway {
    pub(crate) parts: Parts,
    pub(crate) settings: Settings,
    pub(crate) tokens: Tokens,
    pub(crate) limiters: Limiters,
    pub(crate) secrets: WebhookSecrets,
    pub(crate) guard: AddressGuard,
    pub(crate) connections: Connections,
    pub(crate) hubs: Arc<Hubs>,
    pub(crate) telemetry: Telemetry,
    /// Cancelled when sockets are to be closed.
    pub(crate) shutdown: CancellationToken,
    has_users: AtomicBool,
}

impl Gateway {
    pub fn new(parts: Parts, settings: Settings) -> Result<Self, GatewayError> {
        let secret = settings.jwt_secret.expose_secret();
        if secret.len() < Tokens::MIN_SECRET_BYTES {
            return Err(GatewayError::WeakSecret { found: secret.len() });
        }
        let telemetry = Telemetry::new().map_err(|_| GatewayError::Metrics)?;
        Ok(Self {
            tokens: Tokens::new(secret, settings.token_ttl),
            limiters: Limiters::new(settings.rates),
            secrets: WebhookSecrets::new(settings.webhook_key.clone())?,
            guard: AddressGuard::new(&settings.callback_networks)?,
            connections: Connections::default(),
            hubs: Hubs::new(parts.events.clone(), telemetry.events_relayed.clone()),
            telemetry,
            shutdown: CancellationToken::new(),
            has_users: AtomicBool::new(false),
            parts,
            settings,
        })
    }

    /// Adds figures of other parts of this process to `/metrics`; `collect` is asked at each
    /// scrape and must not block.
    pub fn with_samples(
        mut self,
        collect: impl Fn() -> Vec<Sample> + Send + Sync + 'static,
    ) -> Self {
        self.telemetry.collectors.push(Box::new(collect));
        self
    }

    /// Whether the first administrator is still to be created.
    pub(crate) async fn setup_required(&self) -> Result<bool, StoreError> {
        if self.has_users.load(Ordering::Relaxed) {
            return Ok(false);
        }
        let found = !self.parts.users.users().await?.is_empty();
        self.has_users.store(found, Ordering::Relaxed);
        Ok(!found)
    }
}
