//! What every request goes through: an id, the access log, security headers.

mod headers;
mod observe;

pub(crate) use headers::security_headers;
pub(crate) use observe::{current_request_id, observe};
