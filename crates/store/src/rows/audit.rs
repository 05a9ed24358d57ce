use alphafleet_domain::{AuditRecord, UserId};
use diesel::prelude::*;

use crate::schema::audit_log;
use crate::values::{At, Json, Uid, text};

#[derive(Insertable)]
#[diesel(table_name = audit_log)]
pub(crate) struct NewAuditRow {
    at: At,
    user_id: Option<Uid>,
    action: String,
    target: String,
    source: Option<String>,
    details: Json,
}

impl From<AuditRecord> for NewAuditRow {
    fn from(record: AuditRecord) -> Self {
        Self {
            at: At(record.at),
            user_id: record.user.map(|user| Uid(user.as_uuid())),
            action: text(&record.action),
            target: text(&record.target),
            source: record.source.as_deref().map(text),
            details: Json::new(record.details),
        }
    }
}

#[derive(Queryable, Selectable)]
#[diesel(table_name = audit_log)]
pub(crate) struct AuditRow {
    at: At,
    user_id: Option<Uid>,
    action: String,
    target: String,
    source: Option<String>,
    details: Json,
}

impl From<AuditRow> for AuditRecord {
    fn from(row: AuditRow) -> Self {
        Self {
            at: row.at.0,
            user: row.user_id.map(|user| UserId::from_uuid(user.0)),
            action: row.action,
            target: row.target,
            source: row.source,
            details: row.details.0,
        }
    }
}
