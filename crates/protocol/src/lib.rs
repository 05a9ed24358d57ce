//! What travels between the parts of Alphafleet and its clients.
//!
//! Event payloads, WebSocket frames, the bodies of the HTTP API and the table of its operations.
//! The JSON Schemas and the OpenAPI document in `proto-schemas/` are generated from these types.

pub mod api;
mod event;
mod frame;
mod openapi;
mod operations;
mod schema;
mod wire;

pub use event::{LogPayload, MetricsPayload, ProgressPayload, ResourcesPayload, StatePayload};
pub use frame::{ClientFrame, CloseCode, ServerFrame, SessionSnapshot};
pub use openapi::openapi;
pub use operations::{Access, Body, Method, OPERATIONS, Operation, Parameter};
pub use schema::schemas;
pub use wire::{
    FailureView, LogLevelName, LogLineView, MetricPointView, ProgressView, ResourceSampleView,
    SessionState, StageView, WireCursor,
};
