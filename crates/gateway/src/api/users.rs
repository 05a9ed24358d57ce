use actix_web::HttpResponse;
use alphafleet_domain::ports::{NewUser, PasswordHash};
use alphafleet_domain::{Role, UserId, UserLimits, Username};
use alphafleet_protocol::api::{CreateUser, UserList, UserView};
use serde_json::json;

use super::{State, ok};
use crate::access::{Administer, PasswordError, Requires, hash_password};
use crate::error::ApiError;
use crate::request::{Answer, Client, Json};

const MOST_SESSIONS: u32 = 10_000;
const MOST_SOCKETS: u32 = 1_000;

pub(crate) async fn list(gateway: State, _: Requires<Administer>) -> Answer {
    let users = gateway.parts.users.users().await?;
    Ok(ok(UserList { items: users.into_iter().map(Into::into).collect() }))
}

pub(crate) async fn create(
    gateway: State,
    client: Client,
    admin: Requires<Administer>,
    Json(body): Json<CreateUser>,
) -> Answer {
    let username = username(&body.username)?;
    let role = match body.role.as_deref() {
        None => Role::Researcher,
        Some(text) => text
            .parse()
            .map_err(|message: String| ApiError::invalid_field("role", "unknown_value", message))?,
    };
    let defaults = UserLimits::default();
    let limits = UserLimits {
        max_concurrent_sessions: up_to(
            "max_concurrent_sessions",
            body.max_concurrent_sessions,
            MOST_SESSIONS,
            defaults.max_concurrent_sessions,
        )?,
        max_websocket_connections: up_to(
            "max_websocket_connections",
            body.max_websocket_connections,
            MOST_SOCKETS,
            defaults.max_websocket_connections,
        )?,
    };
    let password = hashed("password", body.password).await?;
    let new = NewUser { id: UserId::new(), username, password, role, limits };
    let details = json!({ "username": new.username.as_str(), "role": role.as_str() });
    let audit = client.audit(Some(admin.id), "user.create", format!("user/{}", new.id), details);
    let user = gateway.parts.users.create_user(new, audit).await?;
    Ok(HttpResponse::Created().json(UserView::from(user)))
}

fn up_to(field: &str, given: Option<u32>, most: u32, default: u32) -> Result<u32, ApiError> {
    match given {
        Some(number) if number > most => {
            let message = format!("give a whole number from 0 to {most}");
            Err(ApiError::invalid_field(field, "out_of_range", message))
        }
        given => Ok(given.unwrap_or(default)),
    }
}

pub(super) fn username(text: &str) -> Result<Username, ApiError> {
    text.parse().map_err(|error: alphafleet_domain::UsernameError| {
        ApiError::invalid_field("username", "invalid", error.to_string())
    })
}

pub(super) async fn hashed(field: &str, password: String) -> Result<PasswordHash, ApiError> {
    hash_password(password).await.map_err(|error| match error {
        PasswordError::Hash => ApiError::internal(&error),
        _ => ApiError::invalid_field(field, "out_of_range", error.to_string()),
    })
}
