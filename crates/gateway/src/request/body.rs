use std::future::Future;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::{StatusCode, header};
use actix_web::{FromRequest, HttpMessage, HttpRequest, web};
use bytes::{Bytes, BytesMut};
use futures::StreamExt;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_json::error::Category;

use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::settings::Settings;

type Extracted<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

/// A JSON body of a known shape.
pub(crate) struct Json<T>(pub T);

/// A JSON body of any shape, with the bytes it came as.
pub(crate) struct JsonValue {
    pub value: Value,
    pub bytes: Bytes,
}

/// A JSON body that may be larger than others: it starts many jobs at once.
pub(crate) struct BatchBody(pub Bytes);

impl FromRequest for BatchBody {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let limit = limit(&request, |settings| settings.batch_limit_bytes);
            body(&request, payload, limit).await.map(Self)
        })
    }
}

impl<T: DeserializeOwned + 'static> FromRequest for Json<T> {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let limit = limit(&request, |settings| settings.body_limit_bytes);
            Ok(Self(read_object(&body(&request, payload, limit).await?)?))
        })
    }
}

impl FromRequest for JsonValue {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let (request, payload) = (request.clone(), payload.take());
        Box::pin(async move {
            let limit = limit(&request, |settings| settings.body_limit_bytes);
            let bytes = body(&request, payload, limit).await?;
            Ok(Self { value: read_json(&bytes)?, bytes })
        })
    }
}

fn limit(request: &HttpRequest, of: impl FnOnce(&Settings) -> usize) -> usize {
    request.app_data::<web::Data<Gateway>>().map_or(1 << 20, |gateway| of(&gateway.settings))
}

async fn body(
    request: &HttpRequest,
    mut payload: Payload,
    limit: usize,
) -> Result<Bytes, ApiError> {
    let media = request.content_type().to_ascii_lowercase();
    if media != "application/json" {
        let detail = "Send the body as JSON, with Content-Type: application/json.";
        let status = StatusCode::UNSUPPORTED_MEDIA_TYPE;
        return Err(ApiError::new(status, "unsupported_media_type", detail));
    }
    if announced_length(request).is_some_and(|length| length > limit as u64) {
        return Err(ApiError::too_large(limit as u64));
    }
    let mut bytes = BytesMut::new();
    while let Some(chunk) = payload.next().await {
        let chunk = chunk.map_err(|_| broken_off())?;
        if bytes.len() + chunk.len() > limit {
            return Err(ApiError::too_large(limit as u64));
        }
        bytes.extend_from_slice(&chunk);
    }
    Ok(bytes.freeze())
}

pub(crate) fn announced_length(request: &HttpRequest) -> Option<u64> {
    request.headers().get(header::CONTENT_LENGTH)?.to_str().ok()?.parse().ok()
}

pub(crate) fn broken_off() -> ApiError {
    ApiError::bad_request("body_incomplete", "The body broke off before its end.")
}

/// Reads a JSON object. serde would take a list of a struct's fields too.
pub(crate) fn read_object<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    if bytes.trim_ascii_start().first() != Some(&b'{') {
        read_json::<Value>(bytes)?;
        return Err(ApiError::invalid_field("$", "wrong_type", "give a JSON object"));
    }
    read_json(bytes)
}

/// Reads JSON; a fault of form names its position, one of content its field.
fn read_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    let mut deserializer = serde_json::Deserializer::from_slice(bytes);
    let read = serde_path_to_error::deserialize(&mut deserializer);
    let read = read.map_err(|error| {
        let path = error.path().to_string();
        (path, error.into_inner())
    });
    match read {
        Ok(value) => match deserializer.end() {
            Ok(()) => Ok(value),
            Err(error) => Err(malformed(&error)),
        },
        Err((path, error)) if error.classify() == Category::Data => Err(bad_content(&path, &error)),
        Err((_, error)) => Err(malformed(&error)),
    }
}

fn malformed(error: &serde_json::Error) -> ApiError {
    ApiError::bad_request("malformed_json", format!("The body is not valid JSON: {error}."))
}

fn bad_content(path: &str, error: &serde_json::Error) -> ApiError {
    let text = error.to_string();
    let message = text.rsplit_once(" at line ").map_or(text.as_str(), |(message, _)| message);
    let quoted = |prefix: &str| {
        message.strip_prefix(prefix).and_then(|rest| rest.split('`').next()).map(str::to_owned)
    };
    let within = |name: String| if path == "." { name } else { format!("{path}.{name}") };
    if let Some(name) = quoted("missing field `") {
        return ApiError::invalid_field(&within(name), "required", "is absent");
    }
    if let Some(name) = quoted("unknown field `") {
        let field = if path.ends_with(&name) { path.to_owned() } else { within(name) };
        return ApiError::invalid_field(&field, "unknown_field", message);
    }
    let field = if path == "." { "$" } else { path };
    ApiError::invalid_field(field, "wrong_type", message)
}

#[cfg(test)]
mod tests {
    use alphafleet_protocol::api::{Login, Problem, Setup};

    use super::*;

    fn refused<T: DeserializeOwned>(text: &str) -> Problem {
        match read_object::<T>(text.as_bytes()) {
            Ok(_) => panic!("{text} was taken"),
            Err(error) => error.problem(None),
        }
    }

    #[test]
    fn faults_of_form_name_the_position_and_those_of_content_the_field() {
        let problem = refused::<Login>("{\"username\": \"a\",\n oops}");
        assert_eq!(problem.code, "malformed_json");
        assert!(problem.detail.contains("line 2 column 2"), "{}", problem.detail);
        for (text, field, code) in [
            ("{\"username\": \"a\"}", "password", "required"),
            ("{\"username\": 1, \"password\": \"b\"}", "username", "wrong_type"),
            ("{\"username\": \"a\", \"password\": \"b\", \"x\": 1}", "x", "unknown_field"),
            ("[]", "$", "wrong_type"),
        ] {
            let problem = refused::<Login>(text);
            assert_eq!(problem.code, "validation_failed", "{text}");
            let fault = &problem.faults[0];
            assert_eq!((fault.field.as_str(), fault.code.as_str()), (field, code), "{text}");
        }
        assert_eq!(refused::<Setup>("").code, "malformed_json");
        assert_eq!(refused::<Login>("[\"a\", \"b\"]").faults[0].code, "wrong_type");
        assert_eq!(refused::<Value>("{} {}").code, "malformed_json");
    }
}
