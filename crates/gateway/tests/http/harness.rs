use std::ops::Deref;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use alphafleet_broker::MemoryBroker;
use alphafleet_domain::ports::ArtifactStore;
use alphafleet_domain::{JobId, SystemClock};
use alphafleet_events::{MemoryEventBus, StreamLimits};
use alphafleet_gateway::{Gateway, Parts, Sample, Server, ServerConfig, Settings, TlsFiles};
use alphafleet_jobs::{Announcer, Cancel, OutboxRelay, OutboxSettings, Submit};
use alphafleet_store::Store;
use chrono::Utc;
use reqwest::header::HeaderMap;
use reqwest::{Client, Method};
use serde_json::{Value, json};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use crate::feature_values::StoredValues;
use crate::importer::{CsvContents, CsvImporter};

pub const PASSWORD: &str = "a long enough password";
pub const SETUP_TOKEN: &str = "one-time-setup-token";
pub const METRICS_TOKEN: &str = "token-of-the-scraper";

/// Nothing here takes longer unless it hangs.
pub const DEADLINE: Duration = Duration::from_secs(30);

pub struct Harness {
    services: Services,
    pub base: String,
    pub http: Client,
    pub shutdown: CancellationToken,
    pub served: JoinHandle<std::io::Result<()>>,
}

pub struct Answer {
    pub status: u16,
    pub headers: HeaderMap,
    pub bytes: Vec<u8>,
}

impl Answer {
    pub fn json(&self) -> Value {
        let text = String::from_utf8_lossy(&self.bytes);
        serde_json::from_slice(&self.bytes).unwrap_or_else(|error| panic!("{error}: {text}"))
    }

    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).map_or("", |value| value.to_str().unwrap())
    }

    /// The body, if the status is as expected.
    #[track_caller]
    pub fn expect(&self, status: u16) -> Value {
        assert_eq!(self.status, status, "{}", String::from_utf8_lossy(&self.bytes));
        if self.bytes.is_empty() { Value::Null } else { self.json() }
    }

    /// Checks a problem document; answers its faults as `field: code`.
    #[track_caller]
    pub fn problem(&self, status: u16, code: &str) -> Vec<String> {
        let body = self.expect(status);
        assert_eq!(self.header("content-type"), "application/problem+json");
        assert_eq!(body["status"], status, "{body}");
        assert_eq!(body["code"], code, "{body}");
        assert_eq!(body["type"], "about:blank");
        assert_eq!(body["request_id"], self.header("x-request-id"), "{body}");
        assert!(!body["detail"].as_str().unwrap().is_empty());
        let faults = body["faults"].as_array().cloned().unwrap_or_default();
        let text = |fault: &Value, name: &str| fault[name].as_str().unwrap().to_owned();
        faults.iter().map(|f| format!("{}: {}", text(f, "field"), text(f, "code"))).collect()
    }
}

/// What gateways stand on.
#[derive(Clone)]
pub struct Services {
    pub folder: Arc<tempfile::TempDir>,
    pub store: Store,
    pub events: MemoryEventBus,
    pub broker: MemoryBroker,
    pub artifacts: Arc<dyn ArtifactStore>,
}

impl Services {
    async fn start() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("scratch")).unwrap();
        let url = format!("sqlite://{}", folder.path().join("test.db").display());
        let store = Store::open(&url).await.unwrap();
        store.migrate().await.unwrap();
        let url = format!("file://{}", folder.path().join("objects").display());
        Self {
            folder: Arc::new(folder),
            store,
            events: MemoryEventBus::new(StreamLimits::default(), Utc::now()),
            broker: MemoryBroker::new(),
            artifacts: Arc::new(alphafleet_artifacts::open_store(&url).unwrap()),
        }
    }

    fn gateway(&self, adjust: impl FnOnce(&mut Settings)) -> Gateway {
        let scratch = self.folder.path().join("scratch");
        let mut settings = Settings::new("0123456789abcdef".repeat(2).into(), scratch);
        settings.setup_token = Some(SETUP_TOKEN.into());
        settings.metrics_token = Some(METRICS_TOKEN.into());
        adjust(&mut settings);
        let gateway = Gateway::new(self.parts(), settings).unwrap();
        gateway.with_samples(|| vec![Sample::gauge("test_figure", "Of another part", 7.0)])
    }

    fn parts(&self) -> Parts {
        let port = Arc::new(self.store.clone());
        let (events, broker) = (Arc::new(self.events.clone()), Arc::new(self.broker.clone()));
        let relay = OutboxRelay::new(port.clone(), events.clone(), OutboxSettings::default());
        let announcer = Announcer::new(broker.clone(), Arc::new(relay));
        let artifacts = self.artifacts.clone();
        Parts {
            jobs: port.clone(),
            users: port.clone(),
            strategies: port.clone(),
            experiments: port.clone(),
            datasets: port.clone(),
            features: port.clone(),
            feature_values: Arc::new(StoredValues { store: self.store.clone() }),
            contents: Arc::new(CsvContents { artifacts: artifacts.clone() }),
            models: port.clone(),
            audit: port.clone(),
            passes: port.clone(),
            callbacks: port.clone(),
            broker,
            events,
            artifacts: artifacts.clone(),
            importer: Arc::new(CsvImporter { store: self.store.clone(), artifacts }),
            submit: Submit::new(port.clone(), announcer.clone()),
            cancel: Cancel::new(port, announcer),
            clock: Arc::new(SystemClock),
        }
    }
}

/// A gateway's services are its own for those who test it.
impl Deref for Harness {
    type Target = Services;

    fn deref(&self) -> &Services {
        &self.services
    }
}

impl Harness {
    pub async fn start() -> Self {
        Self::with(|_| {}).await
    }

    pub async fn with(adjust: impl FnOnce(&mut Settings)) -> Self {
        let services = Services::start().await;
        let gateway = services.gateway(adjust);
        Self::serve(services, gateway, |_| {}).unwrap()
    }

    /// Another gateway on the same services.
    pub fn beside(&self) -> Self {
        let services = self.services.clone();
        let gateway = services.gateway(|_| {});
        Self::serve(services, gateway, |_| {}).unwrap()
    }

    /// A gateway that speaks TLS.
    pub async fn secure(tls: TlsFiles) -> std::io::Result<Self> {
        let services = Services::start().await;
        let gateway = services.gateway(|_| {});
        Self::serve(services, gateway, |config| config.tls = Some(tls))
    }

    fn serve(
        services: Services,
        gateway: Gateway,
        adjust: impl FnOnce(&mut ServerConfig),
    ) -> std::io::Result<Self> {
        let mut config = ServerConfig::new(([127, 0, 0, 1], 0).into());
        adjust(&mut config);
        let server = Server::bind(Arc::new(gateway), config)?;
        let base = format!("http://{}", server.address()?);
        let shutdown = CancellationToken::new();
        let served = tokio::spawn(server.run(shutdown.clone()));
        let http = Client::builder().no_proxy().timeout(DEADLINE).build().unwrap();
        Ok(Self { services, base, http, shutdown, served })
    }

    pub fn scratch(&self) -> usize {
        std::fs::read_dir(self.folder.path().join("scratch")).unwrap().count()
    }

    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    pub async fn send(&self, request: reqwest::RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, headers, bytes: response.bytes().await.unwrap().into() }
    }

    pub fn request(&self, method: Method, path: &str, token: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.base));
        if token.is_empty() { request } else { request.bearer_auth(token) }
    }

    pub async fn get(&self, token: &str, path: &str) -> Answer {
        self.send(self.request(Method::GET, path, token)).await
    }

    pub async fn post(&self, token: &str, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::POST, path, token).json(&body)).await
    }

    pub async fn put(&self, token: &str, path: &str, body: Value) -> Answer {
        self.send(self.request(Method::PUT, path, token).json(&body)).await
    }

    pub async fn delete(&self, token: &str, path: &str) -> Answer {
        self.send(self.request(Method::DELETE, path, token)).await
    }

    /// Creates the administrator; answers their token.
    pub async fn admin(&self) -> String {
        let body = json!({ "username": "root", "password": PASSWORD, "setup_token": SETUP_TOKEN });
        let token = self.post("", "/api/v1/setup", body).await.expect(201);
        token["access_token"].as_str().unwrap().to_owned()
    }

    /// Creates a researcher; answers their token.
    pub async fn researcher(&self, admin: &str, name: &str) -> String {
        let body = json!({ "username": name, "password": PASSWORD });
        self.post(admin, "/api/v1/users", body).await.expect(201);
        self.login(name).await
    }

    pub async fn login(&self, name: &str) -> String {
        let body = json!({ "username": name, "password": PASSWORD });
        let token = self.post("", "/api/v1/auth/login", body).await.expect(200);
        token["access_token"].as_str().unwrap().to_owned()
    }

    pub async fn strategy(&self, token: &str, name: &str) -> String {
        let config = json!({ "dataset": "bars", "model": { "type": "lightgbm", "rounds": 20 } });
        let body = json!({ "name": name, "config": config });
        let strategy = self.post(token, "/api/v1/strategies", body).await.expect(201);
        strategy["id"].as_str().unwrap().to_owned()
    }

    pub async fn dataset(&self, token: &str, name: &str) -> Value {
        let path = format!("/api/v1/datasets/{name}/versions?filename=bars.csv");
        let request = self.request(Method::POST, &path, token);
        let csv = "date,close\n2020-01-02,1.5\n";
        self.send(request.body(csv)).await.expect(201)
    }

    /// A dataset of these instruments with bars of these two days.
    pub async fn market(&self, token: &str, name: &str, instruments: &[&str], days: [&str; 2]) {
        let path = format!("/api/v1/datasets/{name}/versions?filename=bars.csv");
        let mut csv = "date,close,instrument\n".to_owned();
        for day in days {
            for instrument in instruments {
                csv.push_str(&format!("{day},1.5,{instrument}\n"));
            }
        }
        self.send(self.request(Method::POST, &path, token).body(csv)).await.expect(201);
    }

    /// A probe that waits for a worker.
    pub async fn probe(&self, admin: &str) -> JobId {
        let body = json!({ "spec": { "steps": [{ "step": "echo", "value": 1 }] } });
        let session = self.post(admin, "/api/v1/probes", body).await.expect(202);
        session["id"].as_str().unwrap().parse().unwrap()
    }
}
