use std::path::Path;
use std::time::Duration;

use reqwest::Method;
use serde_json::{Value, json};

use crate::eventually;

/// A status with its JSON body, or null.
#[derive(Debug, Clone)]
pub struct Answer {
    pub status: u16,
    pub body: Value,
}

impl Answer {
    /// The body of an answer that must be a success.
    pub fn ok(self) -> Value {
        assert!((200..300).contains(&self.status), "{}: {}", self.status, self.body);
        self.body
    }

    /// Checks that a request was refused as a problem document says, and answers its detail.
    pub fn refused(&self, status: u16, code: &str) -> String {
        assert_eq!(
            (self.status, self.body["code"].as_str()),
            (status, Some(code)),
            "{}",
            self.body
        );
        self.body.to_string()
    }
}

/// One user of a gateway.
#[derive(Debug, Clone)]
pub struct Client {
    http: reqwest::Client,
    pub url: String,
    pub token: String,
}

impl Client {
    pub async fn setup(url: &str, (name, password): (&str, &str), token: &str) -> Self {
        let body = json!({ "username": name, "password": password, "setup_token": token });
        Self::enter(url, "/api/v1/setup", body).await
    }

    pub async fn log_in(url: &str, (name, password): (&str, &str)) -> Self {
        let body = json!({ "username": name, "password": password });
        Self::enter(url, "/api/v1/auth/login", body).await
    }

    async fn enter(url: &str, path: &str, body: Value) -> Self {
        let nobody = Self::with_token(url, "");
        let token = nobody.send(Method::POST, path, Some(body)).await.ok();
        Self::with_token(url, token["access_token"].as_str().unwrap())
    }

    pub fn with_token(url: &str, token: &str) -> Self {
        let http = reqwest::Client::builder().timeout(Duration::from_secs(60)).build().unwrap();
        Self { http, url: url.to_owned(), token: token.to_owned() }
    }

    /// Creates a user and logs them in.
    pub async fn new_user(&self, name: &str, max_sessions: u32) -> Self {
        let login = (name, "another horse battery");
        let body = json!({
            "username": login.0, "password": login.1, "max_concurrent_sessions": max_sessions,
        });
        self.post("/api/v1/users", body).await.ok();
        Self::log_in(&self.url, login).await
    }

    /// Creates another administrator and logs them in: they may probe.
    pub async fn new_admin(&self, name: &str, max_sessions: u32) -> Self {
        let login = (name, "another horse battery");
        let body = json!({
            "username": login.0, "password": login.1, "role": "admin",
            "max_concurrent_sessions": max_sessions, "max_websocket_connections": 1_000,
        });
        self.post("/api/v1/users", body).await.ok();
        Self::log_in(&self.url, login).await
    }

    pub async fn get(&self, path: &str) -> Answer {
        self.send(Method::GET, path, None).await
    }

    pub async fn post(&self, path: &str, body: Value) -> Answer {
        self.send(Method::POST, path, Some(body)).await
    }

    /// `None` when the gateway does not answer, or not with a success.
    pub async fn try_post(&self, path: &str, body: Value) -> Option<Answer> {
        let request = self.http.post(format!("{}{path}", self.url)).bearer_auth(&self.token);
        let answer = request.json(&body).send().await.ok()?;
        let status = answer.status().as_u16();
        let body = answer.json().await.ok()?;
        (200..300).contains(&status).then_some(Answer { status, body })
    }

    /// With an idempotency key.
    pub async fn post_keyed(&self, path: &str, body: Value, key: &str) -> Answer {
        let request = self.http.post(format!("{}{path}", self.url)).bearer_auth(&self.token);
        answer(request.header("idempotency-key", key).json(&body)).await
    }

    pub async fn send(&self, method: Method, path: &str, body: Option<Value>) -> Answer {
        let mut request = self.http.request(method, format!("{}{path}", self.url));
        if !self.token.is_empty() {
            request = request.bearer_auth(&self.token);
        }
        if let Some(body) = body {
            request = request.json(&body);
        }
        answer(request).await
    }

    /// The bytes of a file the gateway serves.
    pub async fn bytes(&self, path: &str) -> Vec<u8> {
        let request = self.http.get(format!("{}{path}", self.url)).bearer_auth(&self.token);
        let answer = request.send().await.unwrap();
        assert!(answer.status().is_success(), "{path}: {}", answer.status());
        answer.bytes().await.unwrap().to_vec()
    }

    pub async fn import(&self, name: &str, file: &Path) -> Answer {
        let filename = file.file_name().unwrap().to_str().unwrap();
        let url = format!("{}/api/v1/datasets/{name}/versions?filename={filename}", self.url);
        let bytes = std::fs::read(file).unwrap();
        let request = self.http.post(url).bearer_auth(&self.token);
        answer(request.header("content-type", "application/octet-stream").body(bytes)).await
    }

    /// Puts a table of announcements beside a dataset's bars.
    pub async fn announce(&self, name: &str, file: &Path) -> Answer {
        let filename = file.file_name().unwrap().to_str().unwrap();
        let url = format!("{}/api/v1/datasets/{name}/announcements?filename={filename}", self.url);
        let bytes = std::fs::read(file).unwrap();
        let request = self.http.put(url).bearer_auth(&self.token);
        answer(request.header("content-type", "application/octet-stream").body(bytes)).await
    }

    pub async fn strategy(&self, name: &str, config: Value) -> String {
        let body = json!({ "name": name, "config": config });
        let created = self.post("/api/v1/strategies", body).await.ok();
        created["id"].as_str().unwrap().to_owned()
    }

    pub async fn train(&self, strategy: &str, body: Value) -> Answer {
        self.post(&format!("/api/v1/strategies/{strategy}/train"), body).await
    }

    pub async fn backtest(&self, strategy: &str, body: Value) -> Answer {
        self.post(&format!("/api/v1/strategies/{strategy}/backtest"), body).await
    }

    pub async fn sweep(&self, strategy: &str, body: Value) -> Answer {
        self.post(&format!("/api/v1/strategies/{strategy}/sweep"), body).await
    }

    pub async fn probe(&self, body: Value) -> String {
        let session = self.post("/api/v1/probes", body).await.ok();
        session["id"].as_str().unwrap().to_owned()
    }

    pub async fn session(&self, id: &str) -> Value {
        self.get(&format!("/api/v1/strategies/sessions/{id}")).await.ok()
    }

    pub async fn status(&self, id: &str) -> Value {
        self.get(&format!("/api/v1/strategies/sessions/{id}/status")).await.ok()
    }

    pub async fn stop(&self, id: &str) -> Answer {
        self.send(Method::POST, &format!("/api/v1/strategies/sessions/{id}/stop"), None).await
    }

    /// The session once it is in one of the states.
    pub async fn until(&self, id: &str, states: &[&str], patience: Duration) -> Value {
        eventually(&format!("{states:?} of {id}"), patience, async || {
            let session = self.session(id).await;
            states.contains(&session["state"].as_str().unwrap()).then_some(session)
        })
        .await
    }

    /// The session once it runs in its attempt of this number, or a later one.
    pub async fn until_attempt(&self, id: &str, attempt: u64, patience: Duration) -> Value {
        eventually(&format!("attempt {attempt} of {id}"), patience, async || {
            let session = self.session(id).await;
            (session["attempt"].as_u64().unwrap() >= attempt).then_some(session)
        })
        .await
    }

    pub async fn until_ended(&self, id: &str) -> Value {
        self.until(id, &["completed", "failed", "cancelled"], Duration::from_secs(120)).await
    }
}

async fn answer(request: reqwest::RequestBuilder) -> Answer {
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    let body = answer.json().await.unwrap_or(Value::Null);
    Answer { status, body }
}
