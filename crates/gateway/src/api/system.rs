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

/// Without the database nothing can be answered. Whatever else is away only makes things late, and
/// for every gateway alike: taking this one out of service would help nobody.
pub(crate) async fn readiness(gateway: State) -> Answer {
    let (parts, backends) = (gateway.parts.clone(), &gateway.settings.backends);
    let checks = tokio::join!(
        check(&backends.database, async move { parts.jobs.ping().await }),
        check(&backends.broker, async move { parts.broker.ping().await }),
        check(&backends.events, async move { parts.events.ping().await }),
        check(&backends.storage, async move { parts.artifacts.ping().await }),
    );
    let database = ReadinessCheck { required: true, ..named("database", checks.0) };
    let others = [("broker", checks.1), ("events", checks.2), ("storage", checks.3)];
    let mut checks = vec![database];
    checks.extend(others.map(|(name, check)| named(name, check)));
    let required = checks.iter().filter(|check| check.required).all(|check| check.ok);
    let ready = required && !gateway.shutdown.is_cancelled();
    let degraded = !checks.iter().all(|check| check.ok);
    let mut answer = if ready { HttpResponse::Ok() } else { HttpResponse::ServiceUnavailable() };
    Ok(answer.json(Readiness { ready, degraded, checks }))
}

type Pinged = (String, Result<(), String>);

/// Pings in a task of its own: whoever does not answer in time is not cut off in mid-query.
async fn check<E: std::fmt::Display + Send + 'static>(
    backend: &str,
    ping: impl Future<Output = Result<(), E>> + Send + 'static,
) -> Pinged {
    let answer = match timeout(PATIENCE, tokio::spawn(ping)).await {
        Ok(Ok(Ok(()))) => Ok(()),
        Ok(Ok(Err(error))) => Err(error.to_string()),
        Ok(Err(_)) | Err(_) => Err("no answer".to_owned()),
    };
    (backend.to_owned(), answer)
}

fn named(name: &str, (backend, answer): Pinged) -> ReadinessCheck {
    if let Err(error) = &answer {
        warn!(service = name, error, "a service does not answer");
    }
    ReadinessCheck { name: name.to_owned(), backend, required: false, ok: answer.is_ok() }
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
