use std::collections::HashMap;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use actix_ws::AggregatedMessage;
use alphafleet_domain::{Cursor, JobId, User};
use alphafleet_protocol::{ClientFrame, CloseCode, ServerFrame};
use bytes::Bytes;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until};
use tracing::{debug, error};
use uuid::Uuid;

use super::admission::Admission;
use super::follow::Follow;
use super::line::{Ended, Line};
use super::queue::Need;
use super::wire;
use crate::gateway::Gateway;

/// Goes on, or ends the socket.
type Step = Result<(), Ended>;

/// One client's socket. Its task hears what the client says and puts the answers into the queue;
/// events go from the hubs to the queue by themselves.
pub(super) struct Connection {
    gateway: Arc<Gateway>,
    user: User,
    line: Line,
    follows: HashMap<JobId, Follow>,
    limiter: DefaultDirectRateLimiter,
}

impl Connection {
    pub async fn serve(gateway: Arc<Gateway>, admission: Admission, line: Line) {
        let Admission { user, open, until } = admission;
        let settings = gateway.settings.sockets;
        let rate = NonZeroU32::new(settings.frames_per_second).unwrap_or(NonZeroU32::MIN);
        let burst = rate.saturating_mul(NonZeroU32::MIN.saturating_add(1));
        let limiter = RateLimiter::direct(Quota::per_second(rate).allow_burst(burst));
        let mut connection = Self { gateway, user, line, follows: HashMap::new(), limiter };
        let left = (until - connection.gateway.parts.clock.now()).to_std().unwrap_or_default();
        connection.gateway.telemetry.sockets.inc();
        let ended = connection.run(Instant::now() + left).await;
        let Self { gateway, line, follows, user, .. } = connection;
        drop(follows);
        gateway.telemetry.sockets.dec();
        debug!(user = %user.id, code = ?ended, "a socket ended");
        line.close(ended).await;
        drop(open);
    }

    async fn run(&mut self, until: Instant) -> Ended {
        let (shutdown, queue) = (self.gateway.shutdown.clone(), self.line.queue.clone());
        let settings = self.gateway.settings.sockets;
        let mut heartbeat = every(settings.heartbeat);
        let mut watch = every(settings.send_timeout / 2);
        self.greet();
        loop {
            let step = tokio::select! {
                () = shutdown.cancelled() => Err(Some(CloseCode::GoingAway)),
                () = sleep_until(until) => Err(Some(CloseCode::Unauthorized)),
                _ = heartbeat.tick() => self.line.beat(frame(&ServerFrame::Ping {})),
                _ = watch.tick() => self.watch(settings.send_timeout),
                need = queue.need() => self.satisfy(need).await,
                heard = self.line.hear() => match heard {
                    Ok(message) => self.heed(message).await,
                    Err(ended) => Err(ended),
                },
            };
            if let Err(ended) = step {
                return ended;
            }
        }
    }

    fn greet(&self) {
        let settings = self.gateway.settings.sockets;
        self.say(&ServerFrame::ConnectionEstablished {
            connection_id: Uuid::now_v7(),
            heartbeat_s: settings.heartbeat.as_secs(),
            max_subscriptions: settings.max_subscriptions,
        });
    }

    fn watch(&self, patience: Duration) -> Step {
        let stalled = self.line.queue.is_stalled(patience);
        if stalled { Err(Some(CloseCode::TooSlow)) } else { Ok(()) }
    }

    async fn satisfy(&mut self, need: Need) -> Step {
        let (job, resume_after) = match need {
            Need::GiveUp => return Err(Some(CloseCode::TooSlow)),
            Need::Snapshot { job, resume_after } => (job, resume_after),
        };
        let answer = self.gap(job, resume_after).await;
        self.line.queue.release(answer.as_ref().map(frame));
        Ok(())
    }

    /// What stands in place of what was dropped.
    async fn gap(&mut self, job: JobId, resume_after: Cursor) -> Option<ServerFrame> {
        let hub = self.follows.get(&job)?.hub.clone();
        let read = hub.snapshots.read(&*self.gateway.parts.jobs, job, Instant::now()).await;
        Some(match read {
            Ok(Some(snapshot)) => {
                self.gateway.telemetry.gaps.inc();
                let (resume_after, snapshot) = (resume_after.into(), (*snapshot).clone());
                ServerFrame::Gap { session_id: job, resume_after, snapshot }
            }
            Ok(None) => refusal("not_found", "The session is gone.", Some(job)),
            Err(error) => {
                error!(%error, "a snapshot cannot be read");
                self.unfollow(job);
                let message = "The session cannot be read now; subscribe again.";
                refusal("unavailable", message, Some(job))
            }
        })
    }

    async fn heed(&mut self, message: AggregatedMessage) -> Step {
        if let Err(until) = self.limiter.check() {
            let message = "Too many frames; this one was not followed.";
            self.say(&refusal("rate_limited", message, None));
            // Not reading is what slows a flood down.
            sleep(until.wait_time_from(DefaultClock::default().now())).await;
            return Ok(());
        }
        match message {
            AggregatedMessage::Text(text) => self.follow_frame(&text).await,
            AggregatedMessage::Binary(_) => {
                self.say(&refusal("bad_frame", "Frames are JSON text.", None));
            }
            // The line has dealt with them.
            AggregatedMessage::Ping(_)
            | AggregatedMessage::Pong(_)
            | AggregatedMessage::Close(_) => {}
        }
        Ok(())
    }

    async fn follow_frame(&mut self, text: &str) {
        match serde_json::from_str::<ClientFrame>(text) {
            Ok(ClientFrame::SubscribeSession { session_id, cursor }) => {
                self.subscribe(session_id, cursor.map(Into::into)).await;
            }
            Ok(ClientFrame::UnsubscribeSession { session_id }) => {
                self.unfollow(session_id);
                self.say(&ServerFrame::SessionUnsubscribed { session_id });
            }
            Ok(ClientFrame::Ping {}) => self.say(&ServerFrame::Pong {}),
            Ok(ClientFrame::Pong {}) => {}
            Err(error) => self.say(&refusal("bad_frame", &error.to_string(), None)),
        }
    }

    async fn subscribe(&mut self, id: JobId, cursor: Option<Cursor>) {
        self.unfollow(id);
        let most = self.gateway.settings.sockets.max_subscriptions as usize;
        if self.follows.len() >= most {
            let message = format!("You follow {most} sessions already; unsubscribe from one.");
            return self.say(&refusal("too_many_subscriptions", &message, Some(id)));
        }
        // Events that come meanwhile wait behind the answer.
        self.line.queue.hold();
        let answer = match self.try_subscribe(id, cursor).await {
            Ok(Some(subscribed)) => subscribed,
            Ok(None) => refusal("not_found", "There is no such session.", Some(id)),
            Err(error) => {
                error!(%error, "a session cannot be followed");
                self.unfollow(id);
                let message = "The session cannot be followed now; try again.";
                refusal("unavailable", message, Some(id))
            }
        };
        self.line.queue.release(Some(frame(&answer)));
    }

    /// Follows first and looks second: nothing happens unseen in between.
    async fn try_subscribe(
        &mut self,
        id: JobId,
        cursor: Option<Cursor>,
    ) -> Result<Option<ServerFrame>, Box<dyn std::error::Error>> {
        let jobs = self.gateway.parts.jobs.clone();
        let job = jobs.job(id).await?;
        if job.is_none_or(|job| job.owner != self.user.id) {
            return Ok(None);
        }
        let (hubs, queue) = (&self.gateway.hubs, self.line.queue.clone());
        let follow = match cursor {
            Some(cursor) => Follow::after(hubs, id, cursor, queue).await?,
            None => Follow::from_now(hubs, id, queue).await?,
        };
        let (hub, since) = (follow.hub.clone(), Instant::now());
        self.follows.insert(id, follow);
        let latest = self.gateway.parts.events.latest(id).await?.map(Into::into);
        let snapshot = hub.snapshots.read(&*jobs, id, since).await?;
        Ok(snapshot.map(|snapshot| ServerFrame::SessionSubscribed {
            session_id: id,
            snapshot: (*snapshot).clone(),
            latest,
        }))
    }

    fn unfollow(&mut self, id: JobId) {
        self.follows.remove(&id);
    }

    fn say(&self, said: &ServerFrame) {
        self.line.queue.push_own(frame(said));
    }
}

fn refusal(code: &str, message: &str, session_id: Option<JobId>) -> ServerFrame {
    let (code, message) = (code.to_owned(), message.to_owned());
    ServerFrame::Error { code, message, session_id }
}

fn frame(said: &ServerFrame) -> Bytes {
    match serde_json::to_string(said) {
        Ok(text) => wire::text(text),
        Err(error) => {
            error!(%error, "a frame cannot be written");
            Bytes::new()
        }
    }
}

pub(super) fn every(period: Duration) -> tokio::time::Interval {
    let period = period.max(Duration::from_millis(1));
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    ticks
}
