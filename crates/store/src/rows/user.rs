use alphafleet_domain::ports::{NewUser, PasswordHash, StoreError};
use alphafleet_domain::{Instant, RiskLevel, User, UserId, UserLimits};
use diesel::prelude::*;

use super::read::{parsed, saturating, unsigned};
use crate::schema::users;
use crate::values::{At, Uid};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = users)]
pub(crate) struct UserRow {
    pub id: Uid,
    pub username: String,
    pub password_hash: String,
    pub role: String,
    pub max_concurrent_sessions: i64,
    pub max_websocket_connections: i64,
    pub trading_enabled: bool,
    pub risk_level: String,
    pub created_at: At,
}

impl UserRow {
    pub fn new(user: &NewUser, now: Instant) -> Self {
        Self {
            id: Uid(user.id.as_uuid()),
            username: user.username.as_str().to_owned(),
            password_hash: user.password.expose().to_owned(),
            role: user.role.as_str().to_owned(),
            max_concurrent_sessions: saturating(user.limits.max_concurrent_sessions),
            max_websocket_connections: saturating(user.limits.max_websocket_connections),
            trading_enabled: false,
            risk_level: RiskLevel::default().as_str().to_owned(),
            created_at: At(now),
        }
    }

    pub fn credentials(self) -> Result<(User, PasswordHash), StoreError> {
        let hash = PasswordHash::new(self.password_hash.clone());
        Ok((self.try_into()?, hash))
    }
}

impl TryFrom<UserRow> for User {
    type Error = StoreError;

    fn try_from(row: UserRow) -> Result<Self, StoreError> {
        Ok(Self {
            id: UserId::from_uuid(row.id.0),
            username: parsed(&row.username, "users.username")?,
            role: parsed(&row.role, "users.role")?,
            limits: UserLimits {
                max_concurrent_sessions: unsigned(
                    row.max_concurrent_sessions,
                    "users.max_concurrent_sessions",
                )?,
                max_websocket_connections: unsigned(
                    row.max_websocket_connections,
                    "users.max_websocket_connections",
                )?,
            },
            trading_enabled: row.trading_enabled,
            risk_level: parsed(&row.risk_level, "users.risk_level")?,
            created_at: row.created_at.0,
        })
    }
}
