use actix_web::http::StatusCode;
use actix_web::{HttpRequest, web};
use actix_ws::{CloseReason, Session};
use alphafleet_protocol::CloseCode;

use super::admission::{ConnectQuery, PROTOCOL, admit};
use super::connection::Connection;
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::request::{Answer, Query};

/// Opens a socket. Whoever is refused gets the handshake and then a close code, as a browser's
/// script cannot see the status of a failed handshake.
pub(crate) async fn connect(
    gateway: web::Data<Gateway>,
    request: HttpRequest,
    Query(query): Query<ConnectQuery>,
    payload: web::Payload,
) -> Answer {
    let opened = actix_ws::handle_with_protocols(&request, payload, &[PROTOCOL]);
    let (response, session, stream) = opened.map_err(|_| {
        let detail = "Connect with a WebSocket client.";
        ApiError::new(StatusCode::UPGRADE_REQUIRED, "websocket_required", detail)
    })?;
    match admit(&gateway, &request, &query).await? {
        Ok(admission) => {
            let gateway = gateway.into_inner();
            actix_web::rt::spawn(Connection::serve(gateway, admission, session, stream));
        }
        Err(code) => {
            let refused = code.as_u16().to_string();
            gateway.telemetry.sockets_refused.with_label_values(&[&refused]).inc();
            actix_web::rt::spawn(close(session, code));
        }
    }
    Ok(response)
}

pub(super) async fn close(session: Session, code: CloseCode) {
    let words = match code {
        CloseCode::Unauthorized => "no valid token or ticket",
        CloseCode::TooSlow => "the client did not keep up",
        CloseCode::TooManyConnections => "too many connections",
        CloseCode::GoingAway => "the gateway shuts down",
        CloseCode::TooLarge => "the frame is too large",
    };
    let reason = CloseReason { code: code.as_u16().into(), description: Some(words.to_owned()) };
    let _ = session.close(Some(reason)).await;
}
