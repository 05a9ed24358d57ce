use std::future::Future;
use std::time::Duration;

use actix_web::{FromRequest, HttpRequest, HttpResponse};
use alphafleet_protocol::api::{Health, Readiness, ReadinessCheck};
use tokio::time::timeout;
use tracing::warn;

use super::{State, ok};
use crate::access::{Administer, Requires, bearer, same_secret};
use crate::request::Answer;

/// How long one service may take to answer a readiness check.
const PATIENCE: Duration = Duration::from_secs(2);

pub(crate) async fn health() -> Answer {
    let version = env!("CARGO_PKG_VERSION").to_owned();
    Ok(ok(Health { status: "ok".to_owned(), version }))
}

pub(crate) async fn readiness(gateway: State) -> Answer {
    let (parts, backends) = (gateway.parts.clone(), &gateway.settings.backends);
    let checks = tokio::join!(
        check("database", &backends.database, async move { parts.jobs.ping().await }),
        check("broker", &backends.broker, async move { parts.broker.ping().await }),
        check("events", &backends.events, async move { parts.events.ping().await }),
        check("storage", &backends.storage, async move { parts.artifacts.ping().await }),
    );
    let checks = Vec::from([checks.0, checks.1, checks.2, checks.3]);
    let ready = checks.iter().all(|check| check.ok) && !gateway.shutdown.is_cancelled();
    let mut answer = if ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    Ok(answer.json(Readiness { ready, checks }))
}

/// Pings in a task of its own: whoever does not answer in time is not cut off in mid-query.
async fn check<E: std::fmt::Display + Send + 'static>(
    name: &str,
    backend: &str,
    ping: impl Future<Output = Result<(), E>> + Send + 'static,
) -> ReadinessCheck {
    let ok = match timeout(PATIENCE, tokio::spawn(ping)).await {
        Ok(Ok(Ok(()))) => true,
        Ok(Ok(Err(error))) => {
            warn!(service = name, %error, "a service is not ready");
            false
        }
        Ok(Err(_)) | Err(_) => {
            warn!(service = name, "a service does not answer");
            false
        }
    };
    ReadinessCheck { name: name.to_owned(), backend: backend.to_owned(), ok }
}

pub(crate) async fn metrics(gateway: State, request: HttpRequest) -> Answer {
    let token = gateway.settings.metrics_token.as_ref();
    let by_token =
        token.zip(bearer(&request)).is_some_and(|(token, given)| same_secret(given, token));
    if !by_token {
        Requires::<Administer>::extract(&request).await?;
    }
    let text = gateway.telemetry.render(&gateway.parts).await?;
    Ok(HttpResponse::Ok().content_type("text/plain; version=0.0.4").body(text))
}
