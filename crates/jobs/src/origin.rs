use alphafleet_domain::{AuditRecord, Instant, JobId, UserId};
use serde_json::Value;

/// Who asks, when and from where: what the audit log keeps of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Origin {
    pub user: UserId,
    /// Address of the client.
    pub source: Option<String>,
    pub at: Instant,
}

impl Origin {
    pub(crate) fn audit(&self, action: &str, job: JobId, details: Value) -> AuditRecord {
        AuditRecord {
            at: self.at,
            user: Some(self.user),
            action: action.to_owned(),
            target: format!("session/{job}"),
            source: self.source.clone(),
            details,
        }
    }
}
