use actix_web::{HttpRequest, web};
use alphafleet_domain::{Job, JobId, ModelId, UserId};
use alphafleet_protocol::CloseCode;
use alphafleet_protocol::api::TaskId;
use serde::Deserialize;

use super::admission::{Admission, ConnectQuery, admit};
use super::connection::Connection;
use super::line::Line;
use super::task::TaskConnection;
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
    let (response, line) = Line::open(&request, payload, &gateway.settings.sockets)?;
    match admit(&gateway, &request, &query).await? {
        Ok(admission) => {
            let gateway = gateway.into_inner();
            actix_web::rt::spawn(Connection::serve(gateway, admission, line));
        }
        Err(code) => refuse(&gateway, line, code),
    }
    Ok(response)
}

/// Follows one task to its end.
pub(crate) async fn train(
    gateway: web::Data<Gateway>,
    request: HttpRequest,
    id: web::Path<String>,
    Query(query): Query<ConnectQuery>,
    payload: web::Payload,
) -> Answer {
    let (response, line) = Line::open(&request, payload, &gateway.settings.sockets)?;
    match admit(&gateway, &request, &query).await? {
        Ok(admission) => {
            let job = match id.parse::<TaskId>() {
                Ok(TaskId(id)) => owned(&gateway, admission.user.id, id).await?,
                Err(_) => None,
            };
            follow(&gateway, line, admission, job);
        }
        Err(code) => refuse(&gateway, line, code),
    }
    Ok(response)
}

#[derive(Deserialize)]
pub(crate) struct ProgressQuery {
    model_id: Option<String>,
    #[serde(flatten)]
    connect: ConnectQuery,
}

/// Follows the session that makes or has made a model.
pub(crate) async fn progress(
    gateway: web::Data<Gateway>,
    request: HttpRequest,
    Query(query): Query<ProgressQuery>,
    payload: web::Payload,
) -> Answer {
    let (response, line) = Line::open(&request, payload, &gateway.settings.sockets)?;
    match admit(&gateway, &request, &query.connect).await? {
        Ok(admission) => {
            let job = of_model(&gateway, admission.user.id, query.model_id.as_deref()).await?;
            follow(&gateway, line, admission, job);
        }
        Err(code) => refuse(&gateway, line, code),
    }
    Ok(response)
}

/// The session by its model's id. A model has one only once it is fitted: until then its session's
/// own id stands for it.
async fn of_model(
    gateway: &Gateway,
    owner: UserId,
    id: Option<&str>,
) -> Result<Option<Job>, ApiError> {
    let Some(id) = id else { return Ok(None) };
    if let Ok(id) = id.parse::<ModelId>()
        && let Some(model) = gateway.parts.models.model(owner, id).await?
    {
        return owned(gateway, owner, model.session).await;
    }
    match id.parse::<TaskId>() {
        Ok(TaskId(id)) => owned(gateway, owner, id).await,
        Err(_) => Ok(None),
    }
}

async fn owned(gateway: &Gateway, owner: UserId, id: JobId) -> Result<Option<Job>, ApiError> {
    Ok(gateway.parts.jobs.job(id).await?.filter(|job| job.owner == owner))
}

fn follow(gateway: &web::Data<Gateway>, line: Line, admission: Admission, job: Option<Job>) {
    match job {
        Some(job) => {
            let gateway = gateway.clone().into_inner();
            actix_web::rt::spawn(TaskConnection::serve(gateway, admission, line, job.id));
        }
        None => refuse(gateway, line, CloseCode::NotFound),
    }
}

fn refuse(gateway: &Gateway, line: Line, code: CloseCode) {
    let refused = code.as_u16().to_string();
    gateway.telemetry.sockets_refused.with_label_values(&[&refused]).inc();
    line.refuse(code);
}
