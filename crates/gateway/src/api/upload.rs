use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use actix_web::http::header;
use actix_web::{HttpRequest, HttpResponse, web};
use alphafleet_domain::{Dataset, DatasetVersion};
use alphafleet_protocol::api::{AnnouncementsQuery, DatasetView, ImportQuery};
use futures::StreamExt;
use serde_json::json;
use tempfile::TempDir;
use tokio::fs::File;
use tokio::io::AsyncWriteExt;

use super::State;
use crate::access::{Create, Requires};
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::importer::{AnnounceRequest, ImportError, ImportRequest};
use crate::request::{Answer, Client, Query, announced_length, broken_off};

const LONGEST_NAME: usize = 128;

pub(crate) async fn upload(
    gateway: State,
    client: Client,
    user: Requires<Create>,
    name: web::Path<String>,
    Query(query): Query<ImportQuery>,
    request: HttpRequest,
    payload: web::Payload,
) -> Answer {
    let dataset_name = dataset_name(&name)?;
    let filename = filename(&query.filename)?;
    let mapping = mapping(query.mapping.as_deref().unwrap_or_default())?;
    let Received { folder: _folder, file, bytes } =
        receive(&gateway, &filename, &request, payload).await?;
    let details = json!({ "filename": filename, "bytes": bytes });
    let target = format!("dataset/{dataset_name}");
    let audit = client.audit(Some(user.id), "dataset.import", target, details);
    let import = ImportRequest { owner: user.id, dataset_name, filename, mapping, file, audit };
    created(gateway.parts.importer.import(import).await)
}

pub(crate) async fn announcements(
    gateway: State,
    client: Client,
    user: Requires<Create>,
    name: web::Path<String>,
    Query(query): Query<AnnouncementsQuery>,
    request: HttpRequest,
    payload: web::Payload,
) -> Answer {
    let dataset_name = dataset_name(&name)?;
    let filename = filename(&query.filename)?;
    let Received { folder: _folder, file, bytes } =
        receive(&gateway, &filename, &request, payload).await?;
    let details = json!({ "filename": filename, "bytes": bytes });
    let target = format!("dataset/{dataset_name}");
    let audit = client.audit(Some(user.id), "dataset.announce", target, details);
    let request = AnnounceRequest { owner: user.id, dataset_name, file, audit };
    created(gateway.parts.importer.announce(request).await)
}

fn created(imported: Result<(Dataset, DatasetVersion), ImportError>) -> Answer {
    let view = DatasetView::from(imported.map_err(refused)?);
    let location = (header::LOCATION, format!("/api/v1/datasets/{}", view.name));
    Ok(HttpResponse::Created().insert_header(location).json(view))
}

/// A file that was sent; it goes with its folder.
struct Received {
    folder: TempDir,
    file: PathBuf,
    bytes: u64,
}

async fn receive(
    gateway: &Gateway,
    filename: &str,
    request: &HttpRequest,
    payload: web::Payload,
) -> Result<Received, ApiError> {
    let limit = gateway.settings.upload_limit_bytes;
    if announced_length(request).is_some_and(|length| length > limit) {
        return Err(ApiError::too_large(limit));
    }
    let folder = tempfile::tempdir_in(&gateway.settings.scratch);
    let folder = folder.map_err(|error| ApiError::internal(&error))?;
    let file = folder.path().join(filename);
    let bytes = write(payload, &file, limit).await?;
    Ok(Received { folder, file, bytes })
}

/// Writes the body to a file as it comes.
async fn write(mut payload: web::Payload, path: &Path, limit: u64) -> Result<u64, ApiError> {
    let failed = |error: std::io::Error| ApiError::internal(&error);
    let mut file = File::create(path).await.map_err(failed)?;
    let mut bytes = 0;
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| broken_off())?;
        bytes += chunk.len() as u64;
        if bytes > limit {
            return Err(ApiError::too_large(limit));
        }
        file.write_all(&chunk).await.map_err(failed)?;
    }
    if bytes == 0 {
        return Err(ApiError::bad_request("empty_file", "The body is empty; send the file."));
    }
    file.flush().await.map_err(failed)?;
    Ok(bytes)
}

fn refused(error: ImportError) -> ApiError {
    match error {
        ImportError::Refused { code, message } => {
            ApiError::new(actix_web::http::StatusCode::BAD_REQUEST, code, message)
        }
        ImportError::UnknownDataset => ApiError::not_found("dataset"),
        ImportError::Outrun => {
            let detail = "Other imports of this dataset went ahead; send the file again.";
            ApiError::conflict("dataset_changed", detail)
        }
        ImportError::Internal(cause) => ApiError::internal(&*cause),
    }
}

fn dataset_name(name: &str) -> Result<String, ApiError> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(plain) {
        return Ok(name.to_owned());
    }
    let message = format!("give 1 to {LONGEST_NAME} letters, digits, '.', '_' or '-'");
    Err(ApiError::invalid_field("name", "invalid", message))
}

/// The last part of what the client calls the file, as it becomes a file of ours.
fn filename(text: &str) -> Result<String, ApiError> {
    let name = text.rsplit(['/', '\\']).next().unwrap_or_default();
    let plain = |c: char| !c.is_control();
    if (1..=LONGEST_NAME).contains(&name.len()) && name.chars().all(plain) && !name.starts_with('.')
    {
        return Ok(name.to_owned());
    }
    let message = format!("give a file name of at most {LONGEST_NAME} bytes, e.g. bars.parquet");
    Err(ApiError::invalid_field("filename", "invalid", message))
}

/// `close=Last,instrument=Ticker`
fn mapping(text: &str) -> Result<BTreeMap<String, String>, ApiError> {
    let pairs = text.split(',').map(str::trim).filter(|pair| !pair.is_empty());
    let pairs = pairs.map(|pair| match pair.split_once('=') {
        Some((field, column)) if !field.trim().is_empty() && !column.trim().is_empty() => {
            Ok((field.trim().to_owned(), column.trim().to_owned()))
        }
        _ => {
            let message = format!("{pair:?} is no pair; write field=column, e.g. close=Last");
            Err(ApiError::invalid_field("mapping", "invalid", message))
        }
    });
    pairs.collect()
}
