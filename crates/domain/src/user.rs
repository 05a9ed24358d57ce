use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::{Instant, UserId};

/// Someone who may log in. The password's hash never leaves the user store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub username: Username,
    pub role: Role,
    pub limits: UserLimits,
    pub trading_enabled: bool,
    pub risk_level: RiskLevel,
    pub created_at: Instant,
}

impl User {
    pub fn may(&self, permission: Permission) -> bool {
        self.role.permissions().contains(&permission)
    }
}

/// A login name: 1 to 64 of letters, digits, `.`, `_`, `-`, `@`.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Username(String);

impl Username {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Username {
    type Err = UsernameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let legal = |c: char| c.is_ascii_alphanumeric() || "._-@".contains(c);
        match text.len() {
            1..=64 if text.chars().all(legal) => Ok(Self(text.to_owned())),
            _ => Err(UsernameError),
        }
    }
}

impl TryFrom<String> for Username {
    type Error = UsernameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Username> for String {
    fn from(name: Username) -> Self {
        name.0
    }
}

#[derive(Debug, Clone, Copy, Error, PartialEq, Eq)]
#[error("a username is 1 to 64 letters, digits, '.', '_', '-' or '@'")]
pub struct UsernameError;

/// What a user is trusted with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Runs research of their own.
    Researcher,
    /// Everything, users and the fleet included.
    Admin,
}

impl Role {
    pub const fn permissions(self) -> &'static [Permission] {
        use Permission::*;
        match self {
            Self::Researcher => &[StrategyCreate, StrategyExecute],
            Self::Admin => &[StrategyCreate, StrategyExecute, ModelDeploy, Admin],
        }
    }

    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Researcher => "researcher",
            Self::Admin => "admin",
        }
    }
}

impl FromStr for Role {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "researcher" => Ok(Self::Researcher),
            "admin" => Ok(Self::Admin),
            other => Err(format!("unknown role '{other}': expected researcher or admin")),
        }
    }
}

/// One right, checked by the gateway's extractors.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Permission {
    #[serde(rename = "strategy:create")]
    StrategyCreate,
    #[serde(rename = "strategy:execute")]
    StrategyExecute,
    #[serde(rename = "model:deploy")]
    ModelDeploy,
    #[serde(rename = "trading:execute")]
    TradingExecute,
    #[serde(rename = "admin")]
    Admin,
}

impl Permission {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::StrategyCreate => "strategy:create",
            Self::StrategyExecute => "strategy:execute",
            Self::ModelDeploy => "model:deploy",
            Self::TradingExecute => "trading:execute",
            Self::Admin => "admin",
        }
    }
}

/// How much risk live trading may take for this user.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RiskLevel {
    #[default]
    Low,
    Medium,
    High,
}

impl RiskLevel {
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
        }
    }
}

impl FromStr for RiskLevel {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "low" => Ok(Self::Low),
            "medium" => Ok(Self::Medium),
            "high" => Ok(Self::High),
            other => Err(format!("unknown risk level '{other}': expected low, medium or high")),
        }
    }
}

/// How much a user may have at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct UserLimits {
    /// Pending and running top-level sessions.
    pub max_concurrent_sessions: u32,
    /// Open WebSocket connections.
    pub max_websocket_connections: u32,
}

impl Default for UserLimits {
    fn default() -> Self {
        Self { max_concurrent_sessions: 3, max_websocket_connections: 5 }
    }
}
