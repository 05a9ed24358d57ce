use std::sync::Arc;

use alphafleet_domain::JobId;
use alphafleet_domain::ports::{JobStore, MetricQuery, StoreError};
use alphafleet_protocol::SessionSnapshot;
use tokio::sync::Mutex;
use tokio::time::Instant;

/// Points a snapshot holds at most.
const POINTS: u32 = 1_000;

/// The newest snapshot of one job. A thousand clients that fall behind together read it once.
#[derive(Debug, Default)]
pub(super) struct Snapshots(Mutex<Option<(Instant, Arc<SessionSnapshot>)>>);

impl Snapshots {
    /// Where the session stands, read at `since` or later; `None` when there is no such session.
    pub async fn read(
        &self,
        jobs: &dyn JobStore,
        id: JobId,
        since: Instant,
    ) -> Result<Option<Arc<SessionSnapshot>>, StoreError> {
        let mut newest = self.0.lock().await;
        if let Some((_, snapshot)) = newest.as_ref().filter(|(begun, _)| *begun >= since) {
            return Ok(Some(snapshot.clone()));
        }
        let begun = Instant::now();
        let snapshot = snapshot(jobs, id).await?.map(Arc::new);
        *newest = snapshot.clone().map(|snapshot| (begun, snapshot));
        Ok(snapshot)
    }
}

/// Where a session stands, from the database; `None` when there is no such session.
async fn snapshot(jobs: &dyn JobStore, id: JobId) -> Result<Option<SessionSnapshot>, StoreError> {
    let Some(job) = jobs.job(id).await? else { return Ok(None) };
    let metrics = jobs.metrics(&MetricQuery { job: id, name: None, limit: POINTS }).await?;
    Ok(Some(SessionSnapshot {
        state: job.state.name().into(),
        attempt: job.attempt,
        progress: job.progress.into(),
        metrics: metrics.into_iter().map(Into::into).collect(),
    }))
}
