use alphafleet_protocol::api::ExperimentList;

use super::{State, ok};
use crate::access::Authenticated;
use crate::request::{Answer, Paging, Query};

pub(crate) async fn list(
    gateway: State,
    user: Authenticated,
    Query(paging): Query<Paging>,
) -> Answer {
    let page = gateway.parts.experiments.experiments(user.id, paging.request()?).await?;
    let items = page.items.into_iter().map(Into::into).collect();
    Ok(ok(ExperimentList { items, total: page.total }))
}
