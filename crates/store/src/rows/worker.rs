use alphafleet_domain::WorkerId;
use alphafleet_domain::ports::{StoreError, WorkerRecord, WorkerRow};
use diesel::prelude::*;

use super::read::{document, from_document, saturating, unsigned};
use crate::schema::workers;
use crate::values::{At, Json, Uid, text};

#[derive(Queryable, Selectable, Insertable, AsChangeset)]
#[diesel(table_name = workers)]
pub(crate) struct WorkerRowData {
    pub id: Uid,
    host: String,
    pid: i64,
    version: String,
    queues: Json,
    slots: i64,
    started_at: At,
    last_seen: At,
}

impl WorkerRowData {
    pub fn new(worker: &WorkerRecord, now: At) -> Self {
        Self {
            id: Uid(worker.id.as_uuid()),
            host: text(&worker.host),
            pid: i64::from(worker.pid),
            version: text(&worker.version),
            queues: document(&worker.queues),
            slots: i64::from(worker.slots),
            started_at: now,
            last_seen: now,
        }
    }

    pub fn with_running(self, running: u32) -> Result<WorkerRow, StoreError> {
        Ok(WorkerRow {
            record: WorkerRecord {
                id: WorkerId::from_uuid(self.id.0),
                host: self.host,
                pid: unsigned(self.pid, "workers.pid")?,
                version: self.version,
                queues: from_document(self.queues, "workers.queues")?,
                slots: unsigned(saturating(self.slots), "workers.slots")?,
            },
            started_at: self.started_at.0,
            last_seen: self.last_seen.0,
            running,
        })
    }
}
