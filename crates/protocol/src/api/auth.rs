use alphafleet_domain::{AuditRecord, Instant, User, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use uuid::Uuid;

/// The first administrator, created while there is no user.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Setup {
    pub username: String,
    /// At least 12 characters.
    pub password: String,
    /// The one-time setup token from the gateway's data folder or start-up log.
    pub setup_token: String,
}

/// Whether the first administrator is still to be created.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct SetupStatus {
    pub setup_required: bool,
}

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Login {
    pub username: String,
    pub password: String,
}

/// Sent as `Authorization: Bearer …`.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
pub struct Token {
    pub access_token: String,
    /// Always `Bearer`.
    pub token_type: String,
    /// Seconds.
    pub expires_in: u64,
    pub user: UserView,
}

/// Opens one WebSocket, `WS /api/v1/ws/connect?ticket=…`, or one download within half a minute.
/// Unlike a token it is worthless in a log.
#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
pub struct SocketTicket {
    pub ticket: String,
    /// Seconds.
    pub expires_in: u64,
}

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct CreateUser {
    pub username: String,
    /// At least 12 characters.
    pub password: String,
    /// `researcher` (default) or `admin`.
    #[serde(default)]
    pub role: Option<String>,
    #[serde(default)]
    pub max_concurrent_sessions: Option<u32>,
    #[serde(default)]
    pub max_websocket_connections: Option<u32>,
}

#[derive(Debug, Clone, Deserialize, Serialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SetPassword {
    pub current_password: String,
    /// At least 12 characters.
    pub new_password: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct UserView {
    #[schemars(with = "Uuid")]
    pub id: UserId,
    pub username: String,
    pub role: String,
    pub permissions: Vec<String>,
    pub max_concurrent_sessions: u32,
    pub max_websocket_connections: u32,
    pub trading_enabled: bool,
    pub risk_level: String,
    pub created_at: Instant,
}

impl From<User> for UserView {
    fn from(user: User) -> Self {
        Self {
            id: user.id,
            username: user.username.to_string(),
            role: user.role.as_str().to_owned(),
            permissions: user.role.permissions().iter().map(|p| p.as_str().to_owned()).collect(),
            max_concurrent_sessions: user.limits.max_concurrent_sessions,
            max_websocket_connections: user.limits.max_websocket_connections,
            trading_enabled: user.trading_enabled,
            risk_level: user.risk_level.as_str().to_owned(),
            created_at: user.created_at,
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct UserList {
    pub items: Vec<UserView>,
}

/// One state-changing request.
#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct AuditView {
    pub at: Instant,
    #[schemars(with = "Option<Uuid>")]
    pub user_id: Option<UserId>,
    /// E.g. `strategy.create`.
    pub action: String,
    /// E.g. `strategy/0198…`.
    pub target: String,
    /// Address of the client.
    pub source: Option<String>,
    pub details: Value,
}

impl From<AuditRecord> for AuditView {
    fn from(AuditRecord { at, user, action, target, source, details }: AuditRecord) -> Self {
        Self { at, user_id: user, action, target, source, details }
    }
}

#[derive(Debug, Clone, PartialEq, Deserialize, Serialize, JsonSchema)]
pub struct AuditList {
    pub items: Vec<AuditView>,
    pub total: u64,
}
