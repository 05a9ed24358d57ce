use std::sync::Arc;
use std::time::Duration;

use alphafleet_domain::job::{Outcome, ProgressBatch};
use alphafleet_domain::ports::{Settled, Settlement};
use alphafleet_domain::{EventBody, Job};
use tokio::task::JoinSet;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, error, warn};

use crate::attempt::{Claimed, Pending, fenced, settle, settled_as};
use crate::frame::OutputFile;
use crate::supervisor::{AttemptFolder, BackOff, Order, Shared};

/// What has ended waits so long for more to be settled with it, or until it is so many.
const GATHER: Duration = Duration::from_millis(4);
const ENOUGH: usize = 32;

/// An attempt that ended, and is to be settled.
pub(crate) struct Ended {
    pub claimed: Claimed,
    pub outcome: Outcome,
    /// To be stored first.
    pub files: Vec<OutputFile>,
    /// What it said.
    pub pending: Option<Pending>,
    /// Removed once it is settled.
    pub folder: Option<AttemptFolder>,
}

impl Ended {
    /// No child has taken it up.
    pub const fn without_work(claimed: Claimed, outcome: Outcome) -> Self {
        Self { claimed, outcome, files: Vec::new(), pending: None, folder: None }
    }
}

/// Settles what has ended, as much as there is in one transaction and one at a time.
pub(crate) struct Settler {
    shared: Arc<Shared>,
    uploads: JoinSet<Ended>,
    ready: Vec<Ended>,
    /// When the first of those that are ready is to be settled at the latest.
    due: Instant,
    settling: JoinSet<()>,
}

impl Settler {
    pub fn new(shared: &Arc<Shared>) -> Self {
        Self {
            shared: Arc::clone(shared),
            uploads: JoinSet::new(),
            ready: Vec::new(),
            due: Instant::now(),
            settling: JoinSet::new(),
        }
    }

    pub fn push(&mut self, ended: Ended) {
        if ended.files.is_empty() {
            self.add(ended);
        } else {
            self.uploads.spawn(upload(Arc::clone(&self.shared), ended));
        }
    }

    /// Returns when something has changed; waits for ever while there is nothing. Safe to cancel.
    pub async fn next(&mut self) {
        let may_settle = !self.ready.is_empty() && self.settling.is_empty();
        let due = if self.ready.len() >= ENOUGH { Instant::now() } else { self.due };
        tokio::select! {
            Some(uploaded) = self.uploads.join_next() => match uploaded {
                Ok(ended) => self.add(ended),
                Err(error) => error!(%error, "storing files ended badly"),
            },
            Some(settled) = self.settling.join_next() => if let Err(error) = settled {
                error!(%error, "settling ended badly");
            },
            () = sleep_until(due), if may_settle => self.begin(),
            else => std::future::pending().await,
        }
    }

    /// Settles everything without further ado. Safe to cancel.
    pub async fn finish(&mut self) {
        loop {
            if !self.ready.is_empty() && self.settling.is_empty() {
                self.begin();
            }
            if self.uploads.is_empty() && self.settling.is_empty() {
                return;
            }
            self.next().await;
        }
    }

    fn add(&mut self, ended: Ended) {
        if self.ready.is_empty() {
            self.due = Instant::now() + GATHER;
        }
        self.ready.push(ended);
    }

    fn begin(&mut self) {
        let ended = std::mem::take(&mut self.ready);
        self.settling.spawn(settle_all(Arc::clone(&self.shared), ended));
    }
}

async fn upload(shared: Arc<Shared>, mut ended: Ended) -> Ended {
    let Claimed { job, lease, holding, .. } = &ended.claimed;
    let Some(folder) = &ended.folder else { return ended };
    let uploader = shared.uploader(job.id, *lease, folder.path());
    let mut orders = holding.orders();
    let stored = tokio::select! {
        biased;
        // How it is settled then, is seen when it is.
        _ = orders.at_least(Order::Cancel) => return ended,
        stored = uploader.outputs(std::mem::take(&mut ended.files)) => stored,
    };
    match (stored, &mut ended.outcome) {
        (Ok(artifacts), Outcome::Completed(completion)) => completion.artifacts = artifacts,
        (Ok(_), _) => {}
        (Err(failure), outcome) => *outcome = Outcome::Failed(failure),
    }
    ended
}

async fn settle_all(shared: Arc<Shared>, ended: Vec<Ended>) {
    let now = shared.ports.clock.now();
    let mut all = Vec::with_capacity(ended.len());
    let mut settlements = Vec::with_capacity(ended.len());
    for Ended { claimed, outcome, pending, folder, .. } in ended {
        let outcome = match (claimed.holding.present(), outcome) {
            (Order::Fenced, _) => {
                fenced(&shared, &claimed.job);
                acknowledge(claimed).await;
                continue;
            }
            // A cancel that comes before the completion is committed wins.
            (Order::Cancel, _) => Outcome::Cancelled,
            (_, outcome) => outcome,
        };
        let (last, news) = said(pending, &claimed, now);
        settlements.push(Settlement { lease: claimed.lease, outcome, last });
        all.push((claimed, news, folder));
    }
    if settlements.is_empty() {
        return;
    }
    let (mut changed, mut told) = (Vec::new(), Vec::new());
    let answers = answers(&shared, &all, settlements).await;
    for ((_, news, _), answer) in all.iter_mut().zip(answers) {
        if let Some(job) = answer {
            changed.push(job);
            told.append(news);
        }
    }
    shared.announce(changed, told);
    for (claimed, ..) in all {
        acknowledge(claimed).await;
    }
}

/// What an attempt said, for the store and for those who follow.
fn said(
    pending: Option<Pending>,
    claimed: &Claimed,
    now: alphafleet_domain::Instant,
) -> (ProgressBatch, Vec<EventBody>) {
    let Some(mut pending) = pending.filter(|pending| !pending.is_empty()) else {
        return (ProgressBatch::default(), Vec::new());
    };
    let (batch, news) = pending.take_as_one(now);
    (batch, news.into_events(claimed.job.id, claimed.job.attempt, now))
}

/// The jobs as the store has them; `None` where the lease was lost.
async fn answers(
    shared: &Arc<Shared>,
    all: &[(Claimed, Vec<EventBody>, Option<AttemptFolder>)],
    settlements: Vec<Settlement>,
) -> Vec<Option<Job>> {
    let mut jobs = Vec::with_capacity(all.len());
    match settled_together(shared, &settlements).await {
        Some(settled) => {
            for ((claimed, ..), settled) in all.iter().zip(settled) {
                jobs.push(settled_as(shared, &claimed.job, settled).await);
            }
        }
        // One of them cannot be recorded: the others are not to suffer for it.
        None => {
            for ((claimed, ..), settlement) in all.iter().zip(settlements) {
                let orders = claimed.holding.orders();
                jobs.push(settle(shared, &claimed.job, settlement, orders).await);
            }
        }
    }
    jobs
}

/// `None` if the store refuses them.
async fn settled_together(shared: &Shared, settlements: &[Settlement]) -> Option<Vec<Settled>> {
    let mut back_off = BackOff::default();
    loop {
        shared.standing.secure().await;
        match shared.ports.store.settle_all(settlements.to_vec()).await {
            Ok(settled) if settled.len() == settlements.len() => return Some(settled),
            Ok(settled) => {
                error!(answers = settled.len(), "the store answered for others than it was asked");
                return None;
            }
            Err(error) if error.is_retryable() => {
                if back_off.tries() == 0 {
                    warn!(outcomes = settlements.len(), %error, "outcomes wait for the store");
                }
            }
            Err(error) => {
                error!(outcomes = settlements.len(), %error, "the store refuses outcomes");
                return None;
            }
        }
        back_off.wait().await;
    }
}

async fn acknowledge(mut claimed: Claimed) {
    if let Some(ticket) = claimed.ticket.take()
        && let Err(error) = ticket.ack().await
    {
        debug!(%error, "a ticket was acknowledged too late, which does no harm");
    }
}
