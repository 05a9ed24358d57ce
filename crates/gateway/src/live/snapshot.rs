use alphafleet_domain::JobId;
use alphafleet_domain::ports::{JobStore, MetricQuery, StoreError};
use alphafleet_protocol::SessionSnapshot;

/// Points a snapshot holds at most.
const POINTS: u32 = 1_000;

/// Where a session stands, from the database; `None` when there is no such session.
pub(super) async fn snapshot(
    jobs: &dyn JobStore,
    id: JobId,
) -> Result<Option<SessionSnapshot>, StoreError> {
    let Some(job) = jobs.job(id).await? else { return Ok(None) };
    let metrics = jobs.metrics(&MetricQuery { job: id, name: None, limit: POINTS }).await?;
    Ok(Some(SessionSnapshot {
        state: job.state.name().into(),
        attempt: job.attempt,
        progress: job.progress.into(),
        metrics: metrics.into_iter().map(Into::into).collect(),
    }))
}
