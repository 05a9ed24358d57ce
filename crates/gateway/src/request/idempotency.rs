use actix_web::HttpRequest;
use alphafleet_domain::ports::IdempotencyKey;
use sha2::{Digest, Sha256};

use crate::error::ApiError;

/// The request's `Idempotency-Key`, with what tells a repetition from another request: method,
/// path and body.
pub(crate) fn idempotency_key(
    request: &HttpRequest,
    body: &[u8],
) -> Result<Option<IdempotencyKey>, ApiError> {
    let Some(value) = request.headers().get("idempotency-key") else { return Ok(None) };
    let key = value.to_str().unwrap_or_default();
    if !(1..=128).contains(&key.len()) || !key.bytes().all(|b| b.is_ascii_graphic()) {
        let message = "give 1 to 128 visible characters without spaces";
        return Err(ApiError::invalid_field("Idempotency-Key", "invalid", message));
    }
    let mut hash = Sha256::new();
    for part in [request.method().as_str().as_bytes(), request.path().as_bytes(), body] {
        hash.update((part.len() as u64).to_le_bytes());
        hash.update(part);
    }
    let body_sha256 = hash.finalize().iter().map(|byte| format!("{byte:02x}")).collect();
    Ok(Some(IdempotencyKey { key: key.to_owned(), body_sha256 }))
}
