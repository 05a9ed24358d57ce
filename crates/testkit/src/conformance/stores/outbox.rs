//! State events on their way out.

use std::collections::HashMap;
use std::time::Duration;

use alphafleet_domain::JobId;
use alphafleet_domain::OutboxId;
use alphafleet_domain::ports::OutboxEntry;

use super::AnyStore;
use super::support::*;

const LONG: Duration = Duration::from_secs(600);

async fn take(store: &AnyStore, job: Option<JobId>, limit: u32) -> Vec<OutboxEntry> {
    store.take_outbox(job, limit, LONG).await.unwrap()
}

fn ids(entries: &[OutboxEntry]) -> Vec<OutboxId> {
    entries.iter().map(|entry| entry.id).collect()
}

fn states(entries: &[OutboxEntry]) -> Vec<&str> {
    entries.iter().map(|entry| entry.event.payload["state"].as_str().unwrap()).collect()
}

pub async fn a_jobs_events_come_in_order(store: AnyStore) {
    let (_, first, worker) = running(&store).await;
    settled(&store, first, failed()).await;
    let (_, second) = claim(&store, worker).await;
    let done = settled(&store, second, completed()).await;
    let mut all = Vec::new();
    loop {
        let some = take(&store, None, 2).await;
        if some.is_empty() {
            break;
        }
        store.outbox_done(&ids(&some)).await.unwrap();
        all.extend(some);
    }
    assert_eq!(states(&all), ["pending", "running", "pending", "running", "completed"]);
    let attempts: Vec<u32> = all.iter().map(|entry| entry.event.attempt).collect();
    assert_eq!(attempts, [0, 1, 1, 2, 2]);
    assert!(all.iter().all(|entry| entry.event.job == done.id));
    assert_eq!(all[2].event.payload["failure"]["code"], "process_exited");
    assert!(all.windows(2).all(|pair| pair[0].event.at <= pair[1].event.at));
}

pub async fn a_job_has_one_taker_at_a_time(store: AnyStore) {
    let (busy, lease, _) = running(&store).await;
    let mine = take(&store, None, 1).await;
    assert_eq!(states(&mine), ["pending"]);
    assert!(take(&store, None, 9).await.is_empty(), "the rest of the job waits");
    settled(&store, lease, completed()).await;
    let owner = user(&store, 1).await;
    let other = submit(&store, probe(&owner)).await;
    let theirs = take(&store, None, 9).await;
    assert_eq!(theirs.iter().map(|entry| entry.event.job).collect::<Vec<_>>(), [other.id]);
    assert!(take(&store, Some(busy.id), 9).await.is_empty());
    store.outbox_done(&ids(&mine)).await.unwrap();
    assert!(take(&store, Some(other.id), 9).await.is_empty());
    assert_eq!(states(&take(&store, Some(busy.id), 9).await), ["running", "completed"]);
}

pub async fn an_abandoned_lease_runs_out(store: AnyStore) {
    let (job, ..) = running(&store).await;
    let lease = Duration::from_millis(300);
    let abandoned = store.take_outbox(None, 9, lease).await.unwrap();
    assert_eq!(abandoned.len(), 2);
    assert!(take(&store, None, 9).await.is_empty());
    let again = eventually("the lease runs out", async || {
        Some(take(&store, Some(job.id), 9).await).filter(|taken| !taken.is_empty())
    })
    .await;
    assert_eq!(again, abandoned);
}

pub async fn racing_takers_never_share_an_entry(store: AnyStore) {
    const JOBS: usize = 15;
    for _ in 0..JOBS {
        let (_, lease, _) = running(&store).await;
        settled(&store, lease, completed()).await;
    }
    let takers: Vec<_> = (0..6)
        .map(|_| {
            let store = store.clone();
            tokio::spawn(async move {
                let mut mine = Vec::new();
                loop {
                    let some = take(&store, None, 4).await;
                    if some.is_empty() {
                        return mine;
                    }
                    for entry in &some {
                        mine.push((now(), entry.clone()));
                    }
                    store.outbox_done(&ids(&some)).await.unwrap();
                }
            })
        })
        .collect();
    let mut all = Vec::new();
    for taker in takers {
        all.extend(taker.await.unwrap());
    }
    // A taker may stop while others hold the rest, but the last one leaves nothing.
    assert_eq!(all.len(), 3 * JOBS, "an entry was lost or taken twice");
    all.sort_by_key(|(at, _)| *at);
    let mut last: HashMap<JobId, OutboxId> = HashMap::new();
    for (_, entry) in all {
        if let Some(before) = last.insert(entry.event.job, entry.id) {
            assert!(before.0 < entry.id.0, "a job's events came out of order");
        }
    }
}
