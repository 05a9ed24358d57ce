use actix_web::Error;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{self, HeaderName, HeaderValue};
use actix_web::middleware::Next;

/// Only what we serve ourselves, and nobody may frame it.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    connect-src 'self'; img-src 'self' data:; base-uri 'none'; form-action 'self'; \
    frame-ancestors 'none'";

/// Sets the headers that keep browsers from doing what nobody asked for. An answer that has its
/// own policy keeps it.
pub(crate) async fn security_headers(
    request: ServiceRequest,
    next: Next<impl MessageBody>,
) -> Result<ServiceResponse<impl MessageBody>, Error> {
    let mut response = next.call(request).await?;
    let headers = response.headers_mut();
    let mut absent = |name: HeaderName, value: &'static str| {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    };
    absent(header::CONTENT_SECURITY_POLICY, POLICY);
    absent(header::X_CONTENT_TYPE_OPTIONS, "nosniff");
    absent(header::X_FRAME_OPTIONS, "DENY");
    absent(header::REFERRER_POLICY, "no-referrer");
    absent(HeaderName::from_static("cross-origin-opener-policy"), "same-origin");
    absent(HeaderName::from_static("cross-origin-resource-policy"), "same-origin");
    absent(header::CACHE_CONTROL, "no-store");
    Ok(response)
}
