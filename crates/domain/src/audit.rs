use serde_json::Value;

use crate::{Instant, UserId};

/// One state-changing request: who did what to which object, when and from where. Append-only.
#[derive(Debug, Clone, PartialEq)]
pub struct AuditRecord {
    pub at: Instant,
    /// `None` when nobody was logged in, e.g. a failed login.
    pub user: Option<UserId>,
    /// What was done, e.g. `strategy.create`.
    pub action: String,
    /// What it was done to, e.g. `strategy/0198…`.
    pub target: String,
    /// Address of the client.
    pub source: Option<String>,
    pub details: Value,
}
