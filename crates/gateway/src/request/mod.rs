//! Extractors: what a handler takes from a request, each refusing with a problem document.

mod body;
mod client;
mod file;
mod idempotency;
mod ids;
mod paging;
mod query;

pub(crate) use body::{BatchBody, Json, JsonValue, announced_length, broken_off, read_object};
pub(crate) use client::{Client, client_address};
pub(crate) use file::send_file;
pub(crate) use idempotency::idempotency_key;
pub(crate) use ids::PathId;
pub(crate) use paging::{Paging, bounded};
pub(crate) use query::Query;

/// What every handler answers with.
pub(crate) type Answer = Result<actix_web::HttpResponse, crate::error::ApiError>;
