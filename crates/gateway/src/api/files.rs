use actix_web::http::header::{self, HeaderValue};
use actix_web::{HttpRequest, HttpResponse, web};
use alphafleet_domain::job::StateName;
use alphafleet_domain::{ArtifactKind, ArtifactPointer, Job, JobId, UserId};
use alphafleet_protocol::api::ArtifactList;
use serde::Deserialize;

use super::sessions::owned;
use super::{State, ok};
use crate::access::{Authenticated, Reader};
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::request::{Answer, PathId, Query, send_file};

/// A report brings its own styles and scripts and may reach nothing else.
const REPORT_POLICY: &str = "sandbox allow-scripts; default-src 'none'; \
    style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; frame-ancestors 'none'";

pub(crate) async fn list(gateway: State, user: Authenticated, PathId(id): PathId<JobId>) -> Answer {
    owned(&gateway, user.id, id).await?;
    let artifacts = gateway.parts.jobs.artifacts(id).await?;
    Ok(ok(ArtifactList { items: artifacts.into_iter().map(Into::into).collect() }))
}

pub(crate) async fn one(
    gateway: State,
    user: Reader,
    path: web::Path<(String, String)>,
    request: HttpRequest,
) -> Answer {
    let (id, name) = path.into_inner();
    let of_name = |pointer: &ArtifactPointer| pointer.name == name;
    let pointer = artifact(&gateway, user.id, id.parse()?, of_name).await?;
    download(&gateway, &request, &pointer, "application/octet-stream").await
}

#[derive(Deserialize)]
pub(crate) struct ReportQuery {
    format: Option<String>,
}

pub(crate) async fn report(
    gateway: State,
    user: Reader,
    PathId(id): PathId<JobId>,
    Query(query): Query<ReportQuery>,
    request: HttpRequest,
) -> Answer {
    let (kind, media) = match query.format.as_deref() {
        None | Some("json") => (ArtifactKind::ReportJson, "application/json"),
        Some("html") => (ArtifactKind::ReportHtml, "text/html; charset=utf-8"),
        Some(_) => {
            let message = "give json or html";
            return Err(ApiError::invalid_field("format", "unknown_value", message));
        }
    };
    let of_kind = |pointer: &ArtifactPointer| pointer.kind == kind;
    let pointer = artifact(&gateway, user.id, id, of_kind).await?;
    let mut response = send_file(&gateway, &request, &pointer, media).await?;
    if kind == ArtifactKind::ReportHtml {
        let policy = HeaderValue::from_static(REPORT_POLICY);
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    Ok(response)
}

pub(crate) async fn predictions(
    gateway: State,
    user: Reader,
    PathId(id): PathId<JobId>,
    request: HttpRequest,
) -> Answer {
    let of_kind = |pointer: &ArtifactPointer| pointer.kind == ArtifactKind::Predictions;
    let pointer = artifact(&gateway, user.id, id, of_kind).await?;
    download(&gateway, &request, &pointer, "application/vnd.apache.parquet").await
}

async fn download(
    gateway: &Gateway,
    request: &HttpRequest,
    pointer: &ArtifactPointer,
    media: &'static str,
) -> Result<HttpResponse, ApiError> {
    let mut response = send_file(gateway, request, pointer, media).await?;
    let plain = |c: char| if c.is_ascii_alphanumeric() || "._-".contains(c) { c } else { '_' };
    let name: String = pointer.name.chars().map(plain).collect();
    if let Ok(value) = HeaderValue::from_str(&format!("attachment; filename=\"{name}\"")) {
        response.headers_mut().insert(header::CONTENT_DISPOSITION, value);
    }
    Ok(response)
}

async fn artifact(
    gateway: &Gateway,
    owner: UserId,
    id: JobId,
    wanted: impl Fn(&ArtifactPointer) -> bool,
) -> Result<ArtifactPointer, ApiError> {
    let job = owned(gateway, owner, id).await?;
    let found = gateway.parts.jobs.artifacts(id).await?.into_iter().find(wanted);
    found.ok_or_else(|| absent(&job))
}

fn absent(job: &Job) -> ApiError {
    match job.state.name() {
        state @ (StateName::Pending | StateName::Running) => {
            let detail = format!("The session is {state}; its files come when it has completed.");
            ApiError::conflict("session_not_completed", detail)
        }
        _ => ApiError::not_found("file of this session"),
    }
}
