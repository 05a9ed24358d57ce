use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use alphafleet_domain::ports::NewUser;
use alphafleet_domain::{Role, UserId, UserLimits};
use alphafleet_protocol::api::{Setup, SetupStatus};
use serde_json::json;

use super::{State, auth, ok, users};
use crate::access::same_secret;
use crate::error::ApiError;
use crate::request::{Answer, Client, Json};

pub(crate) async fn status(gateway: State) -> Answer {
    Ok(ok(SetupStatus { setup_required: gateway.setup_required().await? }))
}

pub(crate) async fn create(gateway: State, client: Client, Json(setup): Json<Setup>) -> Answer {
    gateway.limiters.login(client.address, &setup.username)?;
    if !gateway.setup_required().await? {
        return Err(done());
    }
    let expected = gateway.settings.setup_token.as_ref();
    if !expected.is_some_and(|token| same_secret(&setup.setup_token, token)) {
        let target = "setup".to_owned();
        let record = client.audit(None, "setup.refused", target, json!({}));
        gateway.parts.audit.append_audit(record).await?;
        let detail = "The setup token is wrong; it lies in the gateway's data folder.";
        return Err(ApiError::new(StatusCode::FORBIDDEN, "setup_token_invalid", detail));
    }
    let new = NewUser {
        id: UserId::new(),
        username: users::username(&setup.username)?,
        password: users::hashed("password", setup.password).await?,
        role: Role::Admin,
        limits: UserLimits::default(),
    };
    let target = format!("user/{}", new.id);
    let details = json!({ "username": new.username.as_str() });
    let audit = client.audit(Some(new.id), "setup.create", target, details);
    let user = gateway.parts.users.create_first_admin(new, audit).await?.ok_or_else(done)?;
    Ok(HttpResponse::Created().json(auth::token(&gateway, user)?))
}

fn done() -> ApiError {
    ApiError::conflict("setup_done", "There is an administrator already; log in.")
}
