use std::future::{Ready, ready};
use std::str::FromStr;

use actix_web::dev::Payload;
use actix_web::{FromRequest, HttpRequest};
use alphafleet_domain::ParseIdError;

use crate::error::ApiError;

/// The `{id}` of the path. What is no id names nothing, so it is not found.
pub(crate) struct PathId<T>(pub T);

impl<T: FromStr<Err = ParseIdError>> FromRequest for PathId<T> {
    type Error = ApiError;
    type Future = Ready<Result<Self, ApiError>>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let text = request.match_info().get("id").unwrap_or_default();
        ready(text.parse().map(Self).map_err(ApiError::from))
    }
}
