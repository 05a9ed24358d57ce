use alphafleet_domain::{JobId, UserId};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

/// The open WebSockets of the gateway that answers; another gateway has its own.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct SocketStats {
    /// Open WebSockets.
    pub connections: u64,
    /// Sessions that somebody follows.
    pub sessions: u64,
    /// Pairs of a WebSocket and a session it follows.
    pub subscriptions: u64,
    /// Events handed to clients since the gateway began.
    pub events_relayed: u64,
    /// Gaps told to clients since the gateway began.
    pub gaps: u64,
    /// Most connections first.
    pub users: Vec<UserSockets>,
    /// Most followers first.
    pub followed: Vec<SessionFollowers>,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct UserSockets {
    #[schemars(with = "Uuid")]
    pub user_id: UserId,
    pub connections: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize, JsonSchema)]
pub struct SessionFollowers {
    #[schemars(with = "Uuid")]
    pub session_id: JobId,
    pub followers: u64,
}
