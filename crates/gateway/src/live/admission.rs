use actix_web::HttpRequest;
use actix_web::http::header;
use alphafleet_domain::{Instant, User};
use alphafleet_protocol::CloseCode;
use serde::Deserialize;

use super::connections::OpenConnection;
use super::ticket::redeem;
use crate::error::ApiError;
use crate::gateway::Gateway;

/// A client offers it beside its token: `Sec-WebSocket-Protocol: bearer, <token>`.
pub(super) const PROTOCOL: &str = "bearer";

#[derive(Deserialize)]
pub(crate) struct ConnectQuery {
    token: Option<String>,
    ticket: Option<String>,
}

/// A socket that may stay open.
pub(super) struct Admission {
    pub user: User,
    pub open: OpenConnection,
    /// When its token ends, and the socket with it.
    pub until: Instant,
}

/// Who connects and whether they may; else the code to close with.
pub(super) async fn admit(
    gateway: &Gateway,
    request: &HttpRequest,
    query: &ConnectQuery,
) -> Result<Result<Admission, CloseCode>, ApiError> {
    let now = gateway.parts.clock.now();
    let claims = match (&query.ticket, &query.token) {
        (Some(ticket), _) => redeem(&*gateway.parts.passes, ticket, now).await?,
        (None, Some(token)) => gateway.tokens.read(token, now),
        (None, None) => protocol_token(request).and_then(|token| gateway.tokens.read(token, now)),
    };
    let Some(claims) = claims.filter(|_| is_origin_allowed(gateway, request)) else {
        return Ok(Err(CloseCode::Unauthorized));
    };
    let Some(user) = gateway.parts.users.user(claims.user).await? else {
        return Ok(Err(CloseCode::Unauthorized));
    };
    Ok(match gateway.connections.open(user.id, user.limits.max_websocket_connections) {
        Some(open) => Ok(Admission { user, open, until: claims.expires_at }),
        None => Err(CloseCode::TooManyConnections),
    })
}

fn protocol_token(request: &HttpRequest) -> Option<&str> {
    let offered = request.headers().get(header::SEC_WEBSOCKET_PROTOCOL)?.to_str().ok()?;
    let mut offered = offered.split(',').map(str::trim);
    (offered.next()? == PROTOCOL).then(|| offered.next()).flatten()
}

/// Browsers say which page opens a socket; programs say nothing.
fn is_origin_allowed(gateway: &Gateway, request: &HttpRequest) -> bool {
    let Some(origin) = request.headers().get(header::ORIGIN) else { return true };
    let Ok(origin) = origin.to_str() else { return false };
    let own = request.headers().get(header::HOST).and_then(|host| host.to_str().ok());
    let of_page = origin.split_once("://").map(|(_, host)| host);
    let same = of_page.zip(own).is_some_and(|(page, own)| page.eq_ignore_ascii_case(own));
    same || gateway.settings.allowed_origins.iter().any(|allowed| allowed == origin)
}
