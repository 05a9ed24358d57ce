use std::io;

use actix_web::body::SizedStream;
use actix_web::http::header::{ETAG, HeaderName, IF_NONE_MATCH};
use actix_web::{HttpRequest, HttpResponse};
use alphafleet_domain::ArtifactPointer;
use alphafleet_domain::ports::{ArtifactError, ArtifactKey};
use bytes::{Bytes, BytesMut};
use futures::Stream;
use futures::stream::try_unfold;
use tokio::fs::File;
use tokio::io::AsyncReadExt;

use crate::error::ApiError;
use crate::gateway::Gateway;

const CHUNK: usize = 256 << 10;
const CHECKSUM: HeaderName = HeaderName::from_static("x-checksum-sha256");

/// Streams a stored file whose checksum was verified before the first byte leaves.
pub(crate) async fn send_file(
    gateway: &Gateway,
    request: &HttpRequest,
    pointer: &ArtifactPointer,
    media: &'static str,
) -> Result<HttpResponse, ApiError> {
    let etag = format!("\"{}\"", pointer.sha256);
    let known = request.headers().get(IF_NONE_MATCH).and_then(|value| value.to_str().ok());
    if known.is_some_and(|known| known.split(',').any(|tag| tag.trim() == etag)) {
        return Ok(HttpResponse::NotModified().insert_header((ETAG, etag)).finish());
    }
    let key: ArtifactKey = pointer.key.parse().map_err(|error| ApiError::internal(&error))?;
    let failed = |error: io::Error| ApiError::internal(&error);
    let folder = tempfile::tempdir_in(&gateway.settings.scratch).map_err(failed)?;
    let path = folder.path().join("file");
    match gateway.parts.artifacts.get_file(&key, &pointer.sha256, &path).await {
        Ok(()) => {}
        Err(ArtifactError::NotFound(_)) => return Err(ApiError::not_found("file any more")),
        Err(error) => return Err(error.into()),
    }
    let file = File::open(&path).await.map_err(failed)?;
    let bytes = file.metadata().await.map_err(failed)?.len();
    // An open file outlives its name: nothing is left behind however the download ends.
    drop(folder);
    Ok(HttpResponse::Ok()
        .content_type(media)
        .insert_header((ETAG, etag))
        .insert_header((CHECKSUM, pointer.sha256.clone()))
        .body(SizedStream::new(bytes, Box::pin(chunks(file)))))
}

fn chunks(file: File) -> impl Stream<Item = io::Result<Bytes>> {
    try_unfold(file, |mut file| async move {
        let mut chunk = BytesMut::with_capacity(CHUNK);
        let read = file.read_buf(&mut chunk).await?;
        Ok((read > 0).then(|| (chunk.freeze(), file)))
    })
}
