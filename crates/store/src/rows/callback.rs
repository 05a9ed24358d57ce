use alphafleet_domain::Job;
use alphafleet_domain::ports::{Callback, CallbackId, CallbackState, StoreError};
use diesel::prelude::*;

use super::read::unsigned;
use crate::schema::callbacks;
use crate::values::At;

#[derive(Queryable, Selectable)]
#[diesel(table_name = callbacks)]
pub(crate) struct CallbackRow {
    pub id: i64,
    url: String,
    state: String,
    tries: i64,
    due: At,
    last_error: Option<String>,
}

impl CallbackRow {
    pub fn of(self, job: Job) -> Result<Callback, StoreError> {
        Ok(Callback {
            id: CallbackId(self.id),
            job,
            url: self.url,
            tries: unsigned(self.tries, "callbacks.tries")?,
            state: match self.state.as_str() {
                "waiting" => CallbackState::Waiting { due: self.due.0 },
                "delivered" => CallbackState::Delivered,
                "failed" => CallbackState::Failed,
                _ => return Err(StoreError::CorruptRow { column: "callbacks.state" }),
            },
            last_error: self.last_error,
        })
    }
}
