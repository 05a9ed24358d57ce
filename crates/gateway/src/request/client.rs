use std::future::{Ready, ready};
use std::net::IpAddr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest, web};
use alphafleet_domain::{AuditRecord, Instant, UserId};
use alphafleet_jobs::Origin;
use serde_json::Value;

use crate::error::ApiError;
use crate::gateway::Gateway;

/// From where and when a request came, for the audit log and rates.
#[derive(Debug, Clone)]
pub(crate) struct Client {
    pub address: Option<IpAddr>,
    pub at: Instant,
    pub traceparent: Option<String>,
}

impl Client {
    pub fn origin(&self, user: UserId) -> Origin {
        Origin { user, source: self.source(), at: self.at }
    }

    pub fn audit(
        &self,
        user: Option<UserId>,
        action: &str,
        target: String,
        details: Value,
    ) -> AuditRecord {
        let (action, source) = (action.to_owned(), self.source());
        AuditRecord { at: self.at, user, action, target, source, details }
    }

    fn source(&self) -> Option<String> {
        self.address.map(|address| address.to_string())
    }
}

impl FromRequest for Client {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let Some(gateway) = request.app_data::<web::Data<Gateway>>() else {
            return ready(Err(ApiError::not_found("page")));
        };
        let traceparent =
            request.headers().get("traceparent").and_then(|value| value.to_str().ok());
        ready(Ok(Self {
            address: client_address(gateway, request),
            at: gateway.parts.clock.now(),
            traceparent: traceparent.filter(|text| text.len() == 55).map(str::to_owned),
        }))
    }
}

/// The peer's address, or what a trusted proxy says it stands for: the last address in
/// `X-Forwarded-For` that is not itself a trusted proxy.
pub(crate) fn client_address(gateway: &Gateway, request: &HttpRequest) -> Option<IpAddr> {
    let peer = request.peer_addr()?.ip();
    let trusted = &gateway.settings.trusted_proxies;
    if !trusted.contains(&peer) {
        return Some(peer);
    }
    let forwarded = request.headers().get_all("x-forwarded-for");
    let chain: Vec<IpAddr> = forwarded
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .filter_map(|part| part.trim().parse().ok())
        .collect();
    Some(chain.into_iter().rev().find(|address| !trusted.contains(address)).unwrap_or(peer))
}
