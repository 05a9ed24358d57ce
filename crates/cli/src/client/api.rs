use std::path::Path;
use std::time::Duration;

use alphafleet_domain::JobId;
use alphafleet_protocol::api::{
    ArtifactList, DatasetList, DatasetVersionList, DatasetView, LogList, MetricList, Problem,
    SessionList, SessionStatus, SessionView, SocketTicket, StrategyBody, StrategyList,
    StrategyView, Token, UserList, UserView,
};
use futures::StreamExt;
use reqwest::{Method, RequestBuilder, Response};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::io::AsyncWriteExt;
use uuid::Uuid;

use super::ClientError;

/// Makes the repetition of a submit harmless.
#[derive(Debug, Clone)]
pub struct IdempotencyKey(pub String);

impl IdempotencyKey {
    pub fn fresh() -> Self {
        Self(Uuid::new_v4().to_string())
    }
}

/// A gateway, spoken to by one user or nobody yet.
#[derive(Debug, Clone)]
pub struct Api {
    http: reqwest::Client,
    url: String,
    token: Option<String>,
}

impl Api {
    pub fn new(url: &str, token: Option<String>) -> Result<Self, ClientError> {
        let http = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .read_timeout(Duration::from_secs(300))
            .build()
            .map_err(|error| ClientError::Unreadable(error.into()))?;
        Ok(Self { http, url: url.trim_end_matches('/').to_owned(), token })
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub fn with_token(&self, token: String) -> Self {
        Self { token: Some(token), ..self.clone() }
    }

    pub async fn setup(
        &self,
        username: &str,
        password: &str,
        setup_token: &str,
    ) -> Result<Token, ClientError> {
        let body =
            json!({ "username": username, "password": password, "setup_token": setup_token });
        self.send(Method::POST, "/api/v1/setup", Some(&body)).await
    }

    pub async fn login(&self, username: &str, password: &str) -> Result<Token, ClientError> {
        let body = json!({ "username": username, "password": password });
        self.send(Method::POST, "/api/v1/auth/login", Some(&body)).await
    }

    pub async fn me(&self) -> Result<UserView, ClientError> {
        self.get("/api/v1/auth/me").await
    }

    pub async fn users(&self) -> Result<UserList, ClientError> {
        self.get("/api/v1/users").await
    }

    pub async fn create_user(&self, body: &Value) -> Result<UserView, ClientError> {
        self.send(Method::POST, "/api/v1/users", Some(body)).await
    }

    pub async fn set_password(&self, current: &str, new: &str) -> Result<(), ClientError> {
        let body = json!({ "current_password": current, "new_password": new });
        let request = self.request(Method::POST, "/api/v1/auth/password")?.json(&body);
        self.answer(request).await.map(drop)
    }

    pub async fn datasets(&self) -> Result<DatasetList, ClientError> {
        self.get("/api/v1/datasets?limit=1000").await
    }

    pub async fn dataset_versions(&self, name: &str) -> Result<DatasetVersionList, ClientError> {
        self.get(&format!("/api/v1/datasets/{}/versions", encoded(name))).await
    }

    /// Uploads a file as a dataset's new version; `sent` hears of every chunk's bytes.
    pub async fn import(
        &self,
        name: &str,
        file: &Path,
        mapping: Option<&str>,
        sent: impl Fn(u64) + Send + Sync + 'static,
    ) -> Result<DatasetView, ClientError> {
        let filename = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut query = vec![("filename", filename)];
        query.extend(mapping.map(|mapping| ("mapping", mapping.to_owned())));
        let path = format!("/api/v1/datasets/{}/versions", encoded(name));
        self.upload(self.request(Method::POST, &path)?.query(&query), file, sent).await
    }

    /// Uploads a file of announcements, which become a version with the bars of the newest;
    /// `sent` hears of every chunk's bytes.
    pub async fn announce(
        &self,
        name: &str,
        file: &Path,
        sent: impl Fn(u64) + Send + Sync + 'static,
    ) -> Result<DatasetView, ClientError> {
        let filename = file.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let path = format!("/api/v1/datasets/{}/announcements", encoded(name));
        let request = self.request(Method::PUT, &path)?.query(&[("filename", filename)]);
        self.upload(request, file, sent).await
    }

    async fn upload(
        &self,
        request: RequestBuilder,
        file: &Path,
        sent: impl Fn(u64) + Send + Sync + 'static,
    ) -> Result<DatasetView, ClientError> {
        let opened = tokio::fs::File::open(file).await?;
        let bytes = opened.metadata().await?.len();
        let chunks =
            tokio_util::io::ReaderStream::with_capacity(opened, 1 << 20).inspect(move |chunk| {
                if let Ok(chunk) = chunk {
                    sent(chunk.len() as u64);
                }
            });
        let request = request
            .header("content-type", "application/octet-stream")
            .header("content-length", bytes)
            .body(reqwest::Body::wrap_stream(chunks));
        parse(self.answer(request).await?).await
    }

    pub async fn strategies(&self) -> Result<StrategyList, ClientError> {
        self.get("/api/v1/strategies?limit=1000").await
    }

    /// A strategy by its name or id.
    pub async fn strategy(&self, wanted: &str) -> Result<StrategyView, ClientError> {
        if wanted.parse::<Uuid>().is_ok() {
            return self.get(&format!("/api/v1/strategies/{wanted}")).await;
        }
        let all = self.strategies().await?.items;
        let known: Vec<_> = all.iter().map(|strategy| strategy.name.clone()).collect();
        let found = all.into_iter().find(|strategy| strategy.name == wanted);
        found.ok_or_else(|| {
            let detail = match known.is_empty() {
                true => "you have no strategies: run `alphafleet strategy create`".to_owned(),
                false => format!("no strategy '{wanted}': yours are {}", known.join(", ")),
            };
            ClientError::Problem(Box::new(not_found(detail)))
        })
    }

    pub async fn create_strategy(&self, body: &StrategyBody) -> Result<StrategyView, ClientError> {
        self.send(Method::POST, "/api/v1/strategies", Some(body)).await
    }

    pub async fn update_strategy(
        &self,
        strategy: &StrategyView,
        body: &StrategyBody,
    ) -> Result<StrategyView, ClientError> {
        self.send(Method::PUT, &format!("/api/v1/strategies/{}", strategy.id), Some(body)).await
    }

    pub async fn delete_strategy(&self, strategy: &StrategyView) -> Result<(), ClientError> {
        let path = format!("/api/v1/strategies/{}", strategy.id);
        self.answer(self.request(Method::DELETE, &path)?).await.map(drop)
    }

    /// Starts a training session. Safe to repeat with the same key.
    pub async fn train(
        &self,
        strategy: &StrategyView,
        body: &Value,
        key: &IdempotencyKey,
    ) -> Result<SessionView, ClientError> {
        let path = format!("/api/v1/strategies/{}/train", strategy.id);
        let request = self.request(Method::POST, &path)?.header("idempotency-key", &key.0);
        parse(self.answer(request.json(body)).await?).await
    }

    pub async fn backtest(
        &self,
        strategy: &StrategyView,
        body: &Value,
        key: &IdempotencyKey,
    ) -> Result<SessionView, ClientError> {
        let path = format!("/api/v1/strategies/{}/backtest", strategy.id);
        let request = self.request(Method::POST, &path)?.header("idempotency-key", &key.0);
        parse(self.answer(request.json(body)).await?).await
    }

    pub async fn sweep(
        &self,
        strategy: &StrategyView,
        body: &Value,
        key: &IdempotencyKey,
    ) -> Result<SessionView, ClientError> {
        let path = format!("/api/v1/strategies/{}/sweep", strategy.id);
        let request = self.request(Method::POST, &path)?.header("idempotency-key", &key.0);
        parse(self.answer(request.json(body)).await?).await
    }

    pub async fn sessions(&self, limit: u32) -> Result<SessionList, ClientError> {
        self.get(&format!("/api/v1/strategies/sessions?limit={limit}")).await
    }

    pub async fn session(&self, id: JobId) -> Result<SessionView, ClientError> {
        self.get(&session_path(id, "")).await
    }

    pub async fn children(&self, id: JobId, limit: u32) -> Result<SessionList, ClientError> {
        self.get(&session_path(id, &format!("/children?limit={limit}"))).await
    }

    pub async fn status(&self, id: JobId) -> Result<SessionStatus, ClientError> {
        self.get(&session_path(id, "/status")).await
    }

    pub async fn stop(&self, id: JobId) -> Result<SessionView, ClientError> {
        self.send(Method::POST, &session_path(id, "/stop"), None::<&()>).await
    }

    pub async fn metrics(
        &self,
        id: JobId,
        name: Option<&str>,
        limit: u32,
    ) -> Result<MetricList, ClientError> {
        let name = name.map(|name| format!("&metric_name={}", encoded(name))).unwrap_or_default();
        self.get(&session_path(id, &format!("/metrics?limit={limit}{name}"))).await
    }

    pub async fn logs(&self, id: JobId, limit: u32) -> Result<LogList, ClientError> {
        self.get(&session_path(id, &format!("/logs?limit={limit}"))).await
    }

    pub async fn report(&self, id: JobId) -> Result<Value, ClientError> {
        self.get(&session_path(id, "/report")).await
    }

    pub async fn artifacts(&self, id: JobId) -> Result<ArtifactList, ClientError> {
        self.get(&session_path(id, "/artifacts")).await
    }

    /// Streams one of a session's files into a local one.
    pub async fn download(&self, id: JobId, name: &str, to: &Path) -> Result<(), ClientError> {
        let path = session_path(id, &format!("/artifacts/{}", encoded(name)));
        let answer = self.answer(self.request(Method::GET, &path)?).await?;
        let mut chunks = answer.bytes_stream();
        let mut file = tokio::fs::File::create(to).await?;
        while let Some(chunk) = chunks.next().await {
            file.write_all(&chunk.map_err(|error| ClientError::Unreadable(error.into()))?).await?;
        }
        Ok(file.flush().await?)
    }

    pub async fn socket_ticket(&self) -> Result<SocketTicket, ClientError> {
        self.send(Method::POST, "/api/v1/ws/ticket", None::<&()>).await
    }

    pub async fn readiness(&self) -> Result<alphafleet_protocol::api::Readiness, ClientError> {
        self.get("/readyz").await
    }

    pub(super) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, ClientError> {
        parse(self.answer(self.request(Method::GET, path)?).await?).await
    }

    pub(super) async fn send<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&(impl Serialize + ?Sized)>,
    ) -> Result<T, ClientError> {
        let request = self.request(method, path)?;
        let request = match body {
            Some(body) => request.json(body),
            None => request,
        };
        parse(self.answer(request).await?).await
    }

    pub(super) fn request(
        &self,
        method: Method,
        path: &str,
    ) -> Result<RequestBuilder, ClientError> {
        let request = self.http.request(method, format!("{}{path}", self.url));
        Ok(match &self.token {
            Some(token) => request.bearer_auth(token),
            None => request,
        })
    }

    pub(super) async fn answer(&self, request: RequestBuilder) -> Result<Response, ClientError> {
        let unreachable = |error: reqwest::Error| ClientError::Unreachable {
            url: self.url.clone(),
            source: error.into(),
        };
        let answer = request.send().await.map_err(unreachable)?;
        let status = answer.status();
        if status.is_success() {
            return Ok(answer);
        }
        if status.as_u16() == 401 && self.token.is_none() {
            return Err(ClientError::NotLoggedIn);
        }
        match answer.json::<Problem>().await {
            Ok(problem) => Err(ClientError::Problem(Box::new(problem))),
            Err(_) => Err(ClientError::Unexplained { status: status.as_u16() }),
        }
    }
}

pub(super) async fn parse<T: DeserializeOwned>(answer: Response) -> Result<T, ClientError> {
    answer.json().await.map_err(|error| ClientError::Unreadable(error.into()))
}

fn session_path(id: JobId, rest: &str) -> String {
    format!("/api/v1/strategies/sessions/{id}{rest}")
}

pub(super) fn not_found(detail: String) -> Problem {
    Problem {
        kind: "about:blank".to_owned(),
        title: "Not Found".to_owned(),
        status: 404,
        code: "not_found".to_owned(),
        detail,
        faults: Vec::new(),
        request_id: None,
    }
}

/// Percent-encodes one part of a path or query.
fn encoded(text: &str) -> String {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"-._~".contains(&byte);
    text.bytes()
        .map(|byte| if plain(byte) { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
