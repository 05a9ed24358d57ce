use alphafleet_domain::ports::{Beat, BeatAnswer, StoreError};
use tokio::time::{Instant, sleep, timeout};
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use super::Shared;
use super::held::Order;
use super::standing::BackOff;
use super::stats::count;

/// Says once a second that the worker lives and what it holds, and passes on what it is told.
pub(super) async fn run(shared: &Shared, stop: CancellationToken) {
    let work = async {
        let mut back_off = BackOff::default();
        loop {
            let sent = Instant::now();
            match beat(shared).await {
                Ok(answer) => {
                    succeeded(shared, sent, &answer);
                    if back_off.tries() > 0 {
                        info!("beats are answered again");
                    }
                    back_off = BackOff::default();
                    sleep(shared.config.beat.saturating_sub(sent.elapsed())).await;
                }
                Err(error) => {
                    count(&shared.stats.beats_failed);
                    if back_off.tries() == 0 {
                        warn!(%error, "a beat was not answered");
                    }
                    back_off.wait().await;
                }
            }
        }
    };
    tokio::select! {
        () = stop.cancelled() => {}
        () = work => {}
    }
}

async fn beat(shared: &Shared) -> Result<BeatAnswer, StoreError> {
    let beat = Beat { worker: shared.id, held: shared.held.beat_leaves() };
    let answer = timeout(shared.config.window, shared.ports.store.beat(&beat)).await;
    shared.held.beat_ended();
    match answer {
        Ok(answer) => answer,
        Err(late) => Err(StoreError::Unavailable(Box::new(late))),
    }
}

fn succeeded(shared: &Shared, sent: Instant, answer: &BeatAnswer) {
    count(&shared.stats.beats);
    // Orders first: what waits for the beat must not act on a lease it just lost.
    for &lease in &answer.fenced {
        shared.held.order(lease, Order::Fenced);
    }
    for &lease in &answer.cancel {
        shared.held.order(lease, Order::Cancel);
    }
    shared.standing.beaten(sent);
}
