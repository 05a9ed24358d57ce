//! The HTTP gateway: routes, the WebSocket relay and metrics, over the ports of the domain.
//!
//! [`Gateway`] holds everything a request may need; [`Server`] binds an address and serves it
//! until its shutdown token is cancelled. `routes.rs` lists every URL; a file of `api/` is one
//! group of operations; `access/` says who may call them; `live/` relays events to sockets.
//! Someone else's object is not found, an error is a problem document, and nothing here keeps
//! state that another gateway would miss: of its own it only counts requests (rates) and open
//! sockets, so each gateway grants a user its limits anew.

mod access;
mod api;
mod contents;
mod error;
mod feature_reader;
mod gateway;
mod importer;
mod live;
mod middleware;
mod request;
mod routes;
mod server;
mod settings;
mod telemetry;
mod tls;

pub use access::{PasswordError, hash_password};
pub use contents::{ContentReadError, ContentReader, VersionContents};
pub use feature_reader::{FeatureRead, FeatureReadError, FeatureReader, FeatureValues};
pub use gateway::{Gateway, GatewayError, Parts};
pub use importer::{AnnounceRequest, ImportError, ImportRequest, Importer};
pub use server::{Server, ServerConfig, run};
pub use settings::{Backends, Rates, Settings, SocketSettings};
pub use telemetry::{Sample, SampleKind, render_samples};
pub use tls::TlsFiles;
