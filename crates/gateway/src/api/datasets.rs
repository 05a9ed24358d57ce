use actix_web::web;
use alphafleet_domain::{Dataset, DatasetVersion, UserId};
use alphafleet_protocol::api::{DatasetList, DatasetVersionList, DatasetView};

use super::{State, ok};
use crate::access::Authenticated;
use crate::error::ApiError;
use crate::gateway::Gateway;
use crate::request::{Answer, Paging, Query};

pub(crate) async fn list(
    gateway: State,
    user: Authenticated,
    Query(paging): Query<Paging>,
) -> Answer {
    let page = gateway.parts.datasets.datasets(user.id, paging.request()?).await?;
    let items = page.items.into_iter().map(Into::into).collect();
    Ok(ok(DatasetList { items, total: page.total }))
}

pub(crate) async fn one(gateway: State, user: Authenticated, name: web::Path<String>) -> Answer {
    let (dataset, versions) = found(&gateway, user.id, &name).await?;
    let latest = versions.into_iter().next().ok_or_else(|| ApiError::not_found("dataset"))?;
    Ok(ok(DatasetView::from((dataset, latest))))
}

pub(crate) async fn versions(
    gateway: State,
    user: Authenticated,
    name: web::Path<String>,
) -> Answer {
    let (_, versions) = found(&gateway, user.id, &name).await?;
    Ok(ok(DatasetVersionList { items: versions.into_iter().map(Into::into).collect() }))
}

async fn found(
    gateway: &Gateway,
    owner: UserId,
    name: &str,
) -> Result<(Dataset, Vec<DatasetVersion>), ApiError> {
    let dataset = gateway.parts.datasets.dataset_named(owner, name).await?;
    let dataset = dataset.ok_or_else(|| ApiError::not_found("dataset"))?;
    let versions = gateway.parts.datasets.versions(dataset.id).await?;
    Ok((dataset, versions))
}
