use alphafleet_domain::JobId;
use alphafleet_domain::ports::{LogQuery, MetricQuery, ResourceQuery};
use alphafleet_protocol::api::{LogList, MetricList, ResourceList};
use serde::Deserialize;

use super::sessions::owned;
use super::{State, ok};
use crate::access::Authenticated;
use crate::request::{Answer, PathId, Query, bounded};

const MOST_POINTS: u32 = 100_000;
const MOST_LINES: u32 = 10_000;

#[derive(Deserialize)]
pub(crate) struct MetricsQuery {
    limit: Option<String>,
    metric_name: Option<String>,
}

pub(crate) async fn metrics(
    gateway: State,
    user: Authenticated,
    PathId(id): PathId<JobId>,
    Query(query): Query<MetricsQuery>,
) -> Answer {
    owned(&gateway, user.id, id).await?;
    let limit = bounded("limit", query.limit.as_deref(), MOST_POINTS, 100)?;
    let query = MetricQuery { job: id, name: query.metric_name, limit };
    let points = gateway.parts.jobs.metrics(&query).await?;
    Ok(ok(MetricList { items: points.into_iter().map(Into::into).collect() }))
}

#[derive(Deserialize)]
pub(crate) struct LogsQuery {
    limit: Option<String>,
    contains: Option<String>,
}

pub(crate) async fn logs(
    gateway: State,
    user: Authenticated,
    PathId(id): PathId<JobId>,
    Query(query): Query<LogsQuery>,
) -> Answer {
    owned(&gateway, user.id, id).await?;
    let limit = bounded("limit", query.limit.as_deref(), MOST_LINES, 500)?;
    let query = LogQuery { job: id, contains: query.contains, limit };
    let lines = gateway.parts.jobs.logs(&query).await?;
    Ok(ok(LogList { items: lines.into_iter().map(Into::into).collect() }))
}

#[derive(Deserialize)]
pub(crate) struct ResourcesQuery {
    limit: Option<String>,
}

pub(crate) async fn resources(
    gateway: State,
    user: Authenticated,
    PathId(id): PathId<JobId>,
    Query(query): Query<ResourcesQuery>,
) -> Answer {
    owned(&gateway, user.id, id).await?;
    let limit = bounded("limit", query.limit.as_deref(), MOST_POINTS, 600)?;
    let samples = gateway.parts.jobs.resources(&ResourceQuery { job: id, limit }).await?;
    Ok(ok(ResourceList { items: samples.into_iter().map(Into::into).collect() }))
}
