use alphafleet_protocol::api::AuditList;

use super::{State, ok};
use crate::access::{Administer, Requires};
use crate::request::{Answer, Paging, Query};

pub(crate) async fn list(
    gateway: State,
    _: Requires<Administer>,
    Query(paging): Query<Paging>,
) -> Answer {
    let page = gateway.parts.audit.audit(paging.request()?).await?;
    let items = page.items.into_iter().map(Into::into).collect();
    Ok(ok(AuditList { items, total: page.total }))
}
