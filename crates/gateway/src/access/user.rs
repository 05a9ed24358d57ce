use std::future::Future;
use std::ops::Deref;
use std::pin::Pin;

use actix_web::dev::Payload;
use actix_web::http::header;
use actix_web::{FromRequest, HttpRequest, web};
use alphafleet_domain::{Instant, User};
use serde::Deserialize;

use super::tokens::Claims;
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::live::redeem;

type Extracted<T> = Pin<Box<dyn Future<Output = Result<T, ApiError>>>>;

/// Whoever the access token belongs to.
#[derive(Debug)]
pub(crate) struct Authenticated {
    user: User,
    /// When the token ends.
    pub expires_at: Instant,
}

impl Authenticated {
    pub fn into_user(self) -> User {
        self.user
    }
}

impl Deref for Authenticated {
    type Target = User;

    fn deref(&self) -> &User {
        &self.user
    }
}

impl FromRequest for Authenticated {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, _: &mut Payload) -> Self::Future {
        let request = request.clone();
        Box::pin(async move {
            let gateway = gateway(&request)?;
            let token = bearer(&request)
                .ok_or_else(|| ApiError::unauthorized("Log in: send Authorization: Bearer …"))?;
            let claims = gateway
                .tokens
                .read(token, gateway.parts.clock.now())
                .ok_or_else(|| ApiError::unauthorized("The token is not valid or has expired."))?;
            user_of(gateway, claims).await
        })
    }
}

/// Like [`Authenticated`], but a one-time ticket will do: a browser that follows a link to a file
/// cannot send headers.
pub(crate) struct Reader(Authenticated);

impl Deref for Reader {
    type Target = User;

    fn deref(&self) -> &User {
        &self.0
    }
}

#[derive(Deserialize)]
struct TicketQuery {
    ticket: String,
}

impl FromRequest for Reader {
    type Error = ApiError;
    type Future = Extracted<Self>;

    fn from_request(request: &HttpRequest, payload: &mut Payload) -> Self::Future {
        let ticket = web::Query::<TicketQuery>::from_query(request.query_string());
        let authenticated = Authenticated::from_request(request, payload);
        let request = request.clone();
        Box::pin(async move {
            let Ok(web::Query(ticket)) = ticket else { return authenticated.await.map(Self) };
            let gateway = gateway(&request)?;
            let passes = gateway.parts.passes.clone();
            let now = gateway.parts.clock.now();
            // In a task of its own, as the user's look-up below.
            let redeemed = tokio::spawn(async move { redeem(&*passes, &ticket.ticket, now).await });
            let claims = redeemed.await.map_err(|error| ApiError::internal(&error))??;
            let claims = claims
                .ok_or_else(|| ApiError::unauthorized("The ticket is used, expired or unknown."))?;
            user_of(gateway, claims).await.map(Self)
        })
    }
}

async fn user_of(gateway: &Gateway, claims: Claims) -> Result<Authenticated, ApiError> {
    gateway.limiters.request(claims.user)?;
    let users = gateway.parts.users.clone();
    // Extractors run side by side and the first to fail ends the others: not in mid-query.
    let found = tokio::spawn(async move { users.user(claims.user).await }).await;
    let user = found.map_err(|error| ApiError::internal(&error))??;
    let user = user.ok_or_else(|| ApiError::unauthorized("The token's user does not exist."))?;
    Ok(Authenticated { user, expires_at: claims.expires_at })
}

fn gateway(request: &HttpRequest) -> Result<&Gateway, ApiError> {
    let gateway = request.app_data::<web::Data<Gateway>>();
    gateway.map(|gateway| gateway.get_ref()).ok_or_else(|| ApiError::not_found("page"))
}

/// The token of `Authorization: Bearer …`.
pub(crate) fn bearer(request: &HttpRequest) -> Option<&str> {
    let value = request.headers().get(header::AUTHORIZATION)?.to_str().ok()?;
    let (scheme, token) = value.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}
