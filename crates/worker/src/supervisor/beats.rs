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
            match beat(shared, sent).await {
                Ok(()) => {
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

async fn beat(shared: &Shared, sent: Instant) -> Result<(), StoreError> {
    let beat = Beat { worker: shared.id, held: shared.held.beat_leaves() };
    let answer = in_time(shared, shared.ports.store.beat(&beat)).await;
    shared.held.beat_ended();
    let answer = answer?;
    count(&shared.stats.beats);
    pass_on(shared, &answer);
    if answer.unregistered {
        warn!(worker = %shared.id, "the worker is not known any more and registers again");
        let asked = Instant::now();
        in_time(shared, shared.ports.store.register_worker(&shared.record())).await?;
        shared.standing.beaten(asked);
    } else {
        shared.standing.beaten(sent);
    }
    Ok(())
}

/// Orders first: what waits for the beat must not act on a lease it just lost.
fn pass_on(shared: &Shared, answer: &BeatAnswer) {
    for &lease in &answer.fenced {
        shared.held.order(lease, Order::Fenced);
    }
    for &lease in &answer.cancel {
        shared.held.order(lease, Order::Cancel);
    }
}

async fn in_time<T>(
    shared: &Shared,
    call: impl Future<Output = Result<T, StoreError>>,
) -> Result<T, StoreError> {
    match timeout(shared.config.window, call).await {
        Ok(answer) => answer,
        Err(late) => Err(StoreError::Unavailable(Box::new(late))),
    }
}
