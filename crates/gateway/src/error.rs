use std::fmt;

use actix_web::body::BoxBody;
use actix_web::http::{StatusCode, header};
use actix_web::{HttpResponse, HttpResponseBuilder, ResponseError};
use alphafleet_domain::ParseIdError;
use alphafleet_domain::ports::{ArtifactError, EventsError, StoreError, SubmitError};
use alphafleet_protocol::api::{FieldFault, Problem};
use alphafleet_specs::Faults;
use tracing::error;
use uuid::Uuid;

/// What a request is refused with: a problem document (RFC 9457) with a stable code.
#[derive(Debug)]
pub(crate) struct ApiError {
    status: StatusCode,
    code: String,
    detail: String,
    faults: Vec<FieldFault>,
    /// Seconds after which another try can help.
    retry_after: Option<u64>,
    close: bool,
}

impl ApiError {
    pub fn new(status: StatusCode, code: impl Into<String>, detail: impl Into<String>) -> Self {
        Self {
            status,
            code: code.into(),
            detail: detail.into(),
            faults: Vec::new(),
            retry_after: None,
            close: false,
        }
    }

    pub fn bad_request(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, code, detail)
    }

    /// There is no such object, or it is someone else's.
    pub fn not_found(what: &str) -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", format!("There is no such {what}."))
    }

    pub fn conflict(code: &str, detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, code, detail)
    }

    pub fn unauthorized(detail: &str) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthorized", detail)
    }

    pub fn too_many(code: &str, detail: impl Into<String>, retry_after: u64) -> Self {
        let error = Self::new(StatusCode::TOO_MANY_REQUESTS, code, detail);
        Self { retry_after: Some(retry_after), ..error }
    }

    /// The rest of the body is not read: the connection ends with the answer.
    pub fn too_large(limit: u64) -> Self {
        let detail = format!("The body is larger than {limit} bytes.");
        let error = Self::new(StatusCode::PAYLOAD_TOO_LARGE, "body_too_large", detail);
        Self { close: true, ..error }
    }

    pub fn invalid(faults: Vec<FieldFault>) -> Self {
        let fields: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
        let detail = format!("The request is not valid; see: {}.", fields.join(", "));
        Self { faults, ..Self::bad_request("validation_failed", detail) }
    }

    pub fn invalid_field(field: &str, code: &str, message: impl Into<String>) -> Self {
        let (field, code) = (field.to_owned(), code.to_owned());
        Self::invalid(vec![FieldFault { field, code, message: message.into(), at: None }])
    }

    /// Our fault: the cause goes to the log under an id, and only the id to the client.
    pub fn internal(cause: &(dyn std::error::Error + 'static)) -> Self {
        let id = Uuid::now_v7();
        error!(error_id = %id, cause = %chain(cause), "a request failed");
        let detail = format!("Something went wrong on our side; the log has it as {id}.");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, "internal", detail)
    }

    fn unavailable(cause: &(dyn std::error::Error + 'static)) -> Self {
        error!(cause = %chain(cause), "a service is away");
        let detail = "A service we need is not reachable; try again in a moment.";
        let error = Self::new(StatusCode::SERVICE_UNAVAILABLE, "unavailable", detail);
        Self { retry_after: Some(1), ..error }
    }

    pub fn problem(&self, request_id: Option<String>) -> Problem {
        Problem {
            kind: "about:blank".to_owned(),
            title: self.status.canonical_reason().unwrap_or("Error").to_owned(),
            status: self.status.as_u16(),
            code: self.code.clone(),
            detail: self.detail.clone(),
            faults: self.faults.clone(),
            request_id,
        }
    }
}

fn chain(cause: &(dyn std::error::Error + 'static)) -> String {
    let causes = std::iter::successors(Some(cause), |cause| cause.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

impl fmt::Display for ApiError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code, self.detail)
    }
}

impl ResponseError for ApiError {
    fn status_code(&self) -> StatusCode {
        self.status
    }

    fn error_response(&self) -> HttpResponse<BoxBody> {
        let mut response = HttpResponseBuilder::new(self.status);
        response.content_type("application/problem+json");
        if let Some(seconds) = self.retry_after {
            response.insert_header((header::RETRY_AFTER, seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response.insert_header((header::WWW_AUTHENTICATE, "Bearer"));
        }
        if self.close {
            response.force_close();
        }
        let problem = self.problem(crate::middleware::current_request_id());
        response.body(serde_json::to_vec(&problem).unwrap_or_default())
    }
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match &error {
            StoreError::Conflict { what, name } => {
                Self::conflict("conflict", format!("There is a {what} called '{name}' already."))
            }
            StoreError::InUse { what, why } => {
                Self::conflict("in_use", format!("The {what} is in use: {why}."))
            }
            StoreError::Unavailable(_) => Self::unavailable(&error),
            _ => Self::internal(&error),
        }
    }
}

impl From<SubmitError> for ApiError {
    fn from(error: SubmitError) -> Self {
        match error {
            SubmitError::LimitReached { limit } => Self::too_many(
                "session_limit_reached",
                format!("You have {limit} pending or running sessions; stop one or wait."),
                5,
            ),
            SubmitError::IdempotencyConflict => Self::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "idempotency_conflict",
                "The Idempotency-Key was used for another request; take a new one.",
            ),
            SubmitError::UnknownUser => Self::unauthorized("The token's user does not exist."),
            SubmitError::Store(error) => error.into(),
        }
    }
}

impl From<ArtifactError> for ApiError {
    fn from(error: ArtifactError) -> Self {
        Self::internal(&error)
    }
}

impl From<EventsError> for ApiError {
    fn from(error: EventsError) -> Self {
        Self::unavailable(&error)
    }
}

impl From<ParseIdError> for ApiError {
    /// What is no id names nothing.
    fn from(error: ParseIdError) -> Self {
        Self::not_found(error.kind)
    }
}

impl From<Faults> for ApiError {
    fn from(faults: Faults) -> Self {
        Self::invalid(faults.0.into_iter().map(fault).collect())
    }
}

fn fault(fault: alphafleet_specs::Fault) -> FieldFault {
    let code = serde_json::to_value(fault.code).ok();
    let code = code.as_ref().and_then(serde_json::Value::as_str).unwrap_or("invalid").to_owned();
    FieldFault { field: fault.field, code, message: fault.message, at: fault.at }
}
