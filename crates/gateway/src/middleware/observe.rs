use std::sync::Arc;
use std::time::Instant;

use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{HeaderName, HeaderValue};
use actix_web::middleware::Next;
use actix_web::{Error, web};
use tracing::info;
use uuid::Uuid;

use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::request::client_address;

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static CURRENT: String;
}

/// The id of the request this task works on.
pub(crate) fn current_request_id() -> Option<String> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Gives the request an id, measures it and writes it to the access log, without its query: that
/// may hold a token.
pub(crate) async fn observe(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let started = Instant::now();
    let id = given_id(&request).unwrap_or_else(|| Uuid::now_v7().to_string());
    let gateway = request.app_data::<web::Data<Gateway>>().cloned().map(web::Data::into_inner);
    let method = request.method().clone();
    let path = request.path().to_owned();
    let client = gateway.as_deref().and_then(|gateway| client_address(gateway, request.request()));
    let header = HeaderValue::from_str(&id);
    // A task of its own, so that work is not broken off half-way when the client goes away.
    let answer = actix_web::rt::spawn(CURRENT.scope(id.clone(), next.call(request))).await;
    let mut response = answer.map_err(|error| ApiError::internal(&error))??;
    if let Ok(header) = header {
        response.headers_mut().insert(REQUEST_ID, header);
    }
    let (status, took) = (response.status().as_u16(), started.elapsed());
    let client = client.map(|address| address.to_string());
    record(gateway.as_ref(), &response, method.as_str(), status, took);
    info!(
        target: "alphafleet_gateway::access",
        request_id = %id, %method, path, status, client,
        took_ms = took.as_secs_f64() * 1_000.0, "answered"
    );
    Ok(response)
}

fn record(
    gateway: Option<&Arc<Gateway>>,
    response: &ServiceResponse<impl MessageBody>,
    method: &str,
    status: u16,
    took: std::time::Duration,
) {
    // Patterns only: paths would make one series a session, and unknown methods one a probe.
    let route = response.request().match_pattern().unwrap_or_else(|| "unknown".to_owned());
    let method = match method {
        "GET" | "POST" | "PUT" | "DELETE" | "HEAD" | "OPTIONS" | "PATCH" => method,
        _ => "other",
    };
    if let Some(gateway) = gateway {
        gateway.telemetry.answered(method, &route, status, took);
    }
}

/// A proxy's id is kept, so that its log and ours agree.
fn given_id(request: &ServiceRequest) -> Option<String> {
    let id = request.headers().get(&REQUEST_ID)?.to_str().ok()?;
    let plain = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'_';
    ((8..=64).contains(&id.len()) && id.bytes().all(plain)).then(|| id.to_owned())
}
