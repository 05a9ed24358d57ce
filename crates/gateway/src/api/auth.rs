use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use alphafleet_domain::{User, Username};
use alphafleet_protocol::api::{Login, SetPassword, Token, UserView, WebhookSecret};
use secrecy::ExposeSecret;
use serde_json::json;

use super::{State, ok, users};
use crate::access::{Authenticated, verify_password};
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::request::{Answer, Client, Json};

pub(crate) async fn login(gateway: State, client: Client, Json(login): Json<Login>) -> Answer {
    gateway.limiters.login(client.address, &login.username)?;
    let found = match login.username.parse::<Username>() {
        Ok(username) => gateway.parts.users.credentials(&username).await?,
        Err(_) => None,
    };
    let (user, hash) = found.unzip();
    if !verify_password(login.password, hash).await {
        return refused(&gateway, &client, user.as_ref(), &login.username).await;
    }
    let Some(user) = user else {
        return refused(&gateway, &client, None, &login.username).await;
    };
    let record = client.audit(Some(user.id), "auth.login", target(&user), json!({}));
    gateway.parts.audit.append_audit(record).await?;
    Ok(ok(token(&gateway, user)?))
}

async fn refused(gateway: &Gateway, client: &Client, user: Option<&User>, name: &str) -> Answer {
    let target = user.map_or_else(|| "user".to_owned(), target);
    let name: String = name.chars().take(64).collect();
    let record = client.audit(
        user.map(|user| user.id),
        "auth.login_failed",
        target,
        json!({"username": name}),
    );
    gateway.parts.audit.append_audit(record).await?;
    let detail = "The username or the password is wrong.";
    Err(ApiError::new(StatusCode::UNAUTHORIZED, "invalid_credentials", detail))
}

pub(crate) async fn me(user: Authenticated) -> Answer {
    Ok(ok(UserView::from(user.into_user())))
}

pub(crate) async fn password(
    gateway: State,
    client: Client,
    user: Authenticated,
    Json(body): Json<SetPassword>,
) -> Answer {
    gateway.limiters.login(client.address, user.username.as_str())?;
    let hash = gateway.parts.users.credentials(&user.username).await?.map(|(_, hash)| hash);
    if !verify_password(body.current_password, hash).await {
        let action = "auth.password_refused";
        let record = client.audit(Some(user.id), action, target(&user), json!({}));
        gateway.parts.audit.append_audit(record).await?;
        let message = "is not your password";
        return Err(ApiError::invalid_field("current_password", "wrong", message));
    }
    let hash = users::hashed("new_password", body.new_password).await?;
    let record = client.audit(Some(user.id), "auth.password", target(&user), json!({}));
    if !gateway.parts.users.set_password(user.id, hash, record).await? {
        return Err(ApiError::not_found("user"));
    }
    Ok(HttpResponse::NoContent().finish())
}

/// What the user's receivers check the signatures of callbacks with.
pub(crate) async fn webhook_secret(gateway: State, user: Authenticated) -> Answer {
    let secret = gateway.secrets.of(user.id).expose_secret().to_owned();
    Ok(ok(WebhookSecret { secret }))
}

fn target(user: &User) -> String {
    format!("user/{}", user.id)
}

pub(super) fn token(gateway: &Gateway, user: User) -> Result<Token, ApiError> {
    let issued = gateway.tokens.issue(user.id, gateway.parts.clock.now());
    Ok(Token {
        access_token: issued.map_err(|error| ApiError::internal(&error))?,
        token_type: "Bearer".to_owned(),
        expires_in: gateway.tokens.ttl().as_secs(),
        user: user.into(),
    })
}
