//! `/healthz`, `/readyz` and `/metrics` of a process that serves nothing else.

use std::net::{SocketAddr, TcpListener};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use actix_web::http::header;
use actix_web::{App, HttpRequest, HttpResponse, HttpServer, web};
use alphafleet_domain::ports::JobStore;
use alphafleet_gateway::{Sample, render_samples};
use secrecy::{ExposeSecret, SecretString};
use serde_json::json;
use subtle::ConstantTimeEq;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;
use tracing::warn;

use crate::process::{Process, ProcessError};

/// What is answered, and to whom.
pub(crate) struct Health {
    metrics_token: SecretString,
    ready: Box<dyn Fn() -> bool + Send + Sync>,
    samples: Box<dyn Fn() -> Vec<Sample> + Send + Sync>,
}

impl Health {
    pub fn new(metrics_token: SecretString) -> Self {
        Self { metrics_token, ready: Box::new(|| true), samples: Box::new(Vec::new) }
    }

    pub fn ready_if(mut self, ready: impl Fn() -> bool + Send + Sync + 'static) -> Self {
        self.ready = Box::new(ready);
        self
    }

    pub fn with_samples(
        mut self,
        samples: impl Fn() -> Vec<Sample> + Send + Sync + 'static,
    ) -> Self {
        self.samples = Box::new(samples);
        self
    }

    pub fn bind(self, address: SocketAddr) -> Result<(HealthServer, Process), ProcessError> {
        let listen = |source| ProcessError::Listen { address, source };
        let listener = TcpListener::bind(address).map_err(listen)?;
        let process = Process::new(listener.local_addr().map_err(listen)?);
        Ok((HealthServer { health: Arc::new(self), listener }, process))
    }
}

pub(crate) struct HealthServer {
    health: Arc<Health>,
    listener: TcpListener,
}

impl HealthServer {
    pub async fn run(self, shutdown: CancellationToken) -> Result<(), ProcessError> {
        let health = web::Data::from(self.health);
        let app = move || {
            App::new()
                .app_data(health.clone())
                .route("/healthz", web::get().to(healthz))
                .route("/readyz", web::get().to(readyz))
                .route("/metrics", web::get().to(metrics))
        };
        let server = HttpServer::new(app)
            .workers(1)
            .disable_signals()
            .shutdown_timeout(1)
            .client_request_timeout(Duration::from_secs(5))
            .listen(self.listener)
            .map_err(ProcessError::Serve)?
            .run();
        let handle = server.handle();
        let stopper = async {
            shutdown.cancelled().await;
            handle.stop(true).await;
        };
        let (served, ()) = tokio::join!(server, stopper);
        served.map_err(ProcessError::Serve)
    }
}

async fn healthz() -> HttpResponse {
    HttpResponse::Ok().json(json!({ "status": "ok", "version": env!("CARGO_PKG_VERSION") }))
}

async fn readyz(health: web::Data<Health>) -> HttpResponse {
    let ready = (health.ready)();
    let mut answer = if ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    answer.json(json!({ "ready": ready }))
}

async fn metrics(health: web::Data<Health>, request: HttpRequest) -> HttpResponse {
    let given = request.headers().get(header::AUTHORIZATION).map(|value| value.as_bytes());
    let expected = format!("Bearer {}", health.metrics_token.expose_secret());
    if !given.is_some_and(|given| given.ct_eq(expected.as_bytes()).into()) {
        return HttpResponse::Unauthorized()
            .insert_header((header::WWW_AUTHENTICATE, "Bearer"))
            .finish();
    }
    let text = render_samples((health.samples)());
    HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text)
}

/// When the database last answered.
#[derive(Default)]
pub(crate) struct Pulse(Mutex<Option<Instant>>);

impl Pulse {
    pub fn is_fresh(&self, patience: Duration) -> bool {
        let last = *self.0.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_some_and(|last| last.elapsed() < patience)
    }

    /// Asks again and again until `shutdown`.
    pub async fn feel(&self, store: &dyn JobStore, every: Duration, shutdown: CancellationToken) {
        let mut interval = tokio::time::interval(every);
        while shutdown.run_until_cancelled(interval.tick()).await.is_some() {
            match timeout(every, store.ping()).await {
                Ok(Ok(())) => {
                    *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(Instant::now());
                }
                Ok(Err(error)) => warn!(%error, "the database does not answer"),
                Err(_) => warn!("the database does not answer in time"),
            }
        }
    }
}
