use alphafleet_domain::ModelId;
use alphafleet_protocol::api::{ModelList, ModelView};

use super::{State, ok};
use crate::access::Authenticated;
use crate::error::ApiError;
use crate::request::{Answer, Paging, PathId, Query};

pub(crate) async fn list(
    gateway: State,
    user: Authenticated,
    Query(paging): Query<Paging>,
) -> Answer {
    let page = gateway.parts.models.models(user.id, paging.request()?).await?;
    let items = page.items.into_iter().map(Into::into).collect();
    Ok(ok(ModelList { items, total: page.total }))
}

pub(crate) async fn one(
    gateway: State,
    user: Authenticated,
    PathId(id): PathId<ModelId>,
) -> Answer {
    let model = gateway.parts.models.model(user.id, id).await?;
    Ok(ok(ModelView::from(model.ok_or_else(|| ApiError::not_found("model"))?)))
}
