use alphafleet_protocol::api::WorkerList;

use super::{State, ok};
use crate::access::{Administer, Requires};
use crate::request::Answer;

pub(crate) async fn list(gateway: State, _: Requires<Administer>) -> Answer {
    let workers = gateway.parts.jobs.workers().await?;
    Ok(ok(WorkerList { items: workers.into_iter().map(Into::into).collect() }))
}
