use std::collections::HashMap;
use std::num::NonZeroU32;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::time::Duration;

use actix_ws::{AggregatedMessage, MessageStream, ProtocolError, Session};
use alphafleet_domain::{Cursor, JobId, User};
use alphafleet_protocol::{ClientFrame, CloseCode, ServerFrame};
use bytestring::ByteString;
use governor::clock::{Clock, DefaultClock};
use governor::{DefaultDirectRateLimiter, Quota, RateLimiter};
use tokio::time::{Instant, MissedTickBehavior, interval_at, sleep, sleep_until, timeout};
use tracing::{debug, error};
use uuid::Uuid;

use super::admission::Admission;
use super::connect::close;
use super::follow::Follow;
use super::queue::{ClientQueue, Item};
use super::snapshot::snapshot;
use crate::gateway::Gateway;

/// Frames taken from the queue at once; actix-ws writes what it has been given in one go.
const BATCH: usize = 64;

/// How a socket ends: with a code of ours, or because the client went.
type Ended = Option<CloseCode>;
type Step = ControlFlow<Ended>;

/// One client's socket. A single task reads, writes and keeps time, so that frames never overtake
/// one another.
pub(super) struct Connection {
    gateway: Arc<Gateway>,
    user: User,
    session: Session,
    queue: Arc<ClientQueue>,
    follows: HashMap<JobId, Follow>,
    limiter: DefaultDirectRateLimiter,
    last_heard: Instant,
    last_ping: Option<Instant>,
}

impl Connection {
    pub async fn serve(
        gateway: Arc<Gateway>,
        admission: Admission,
        session: Session,
        stream: MessageStream,
    ) {
        let Admission { user, open, until } = admission;
        let settings = gateway.settings.sockets;
        let rate = NonZeroU32::new(settings.frames_per_second).unwrap_or(NonZeroU32::MIN);
        let burst = rate.saturating_mul(NonZeroU32::MIN.saturating_add(1));
        let mut connection = Self {
            queue: Arc::new(ClientQueue::new(settings.queue_frames, settings.queue_bytes)),
            follows: HashMap::new(),
            limiter: RateLimiter::direct(Quota::per_second(rate).allow_burst(burst)),
            last_heard: Instant::now(),
            last_ping: None,
            gateway,
            user,
            session,
        };
        let left = (until - connection.gateway.parts.clock.now()).to_std().unwrap_or_default();
        connection.gateway.telemetry.sockets.inc();
        let ended = connection.run(stream, Instant::now() + left).await;
        let Self { gateway, session, follows, user, .. } = connection;
        drop(follows);
        gateway.telemetry.sockets.dec();
        debug!(user = %user.id, code = ?ended, "a socket ended");
        let closing = async {
            match ended {
                Some(code) => close(session, code).await,
                // The answer to the client's own close.
                None => drop(session.close(None).await),
            }
        };
        let _ = timeout(Duration::from_secs(1), closing).await;
        drop(open);
    }

    async fn run(&mut self, stream: MessageStream, until: Instant) -> Ended {
        let (shutdown, queue) = (self.gateway.shutdown.clone(), self.queue.clone());
        let settings = self.gateway.settings.sockets;
        let largest = settings.max_frame_bytes;
        let mut stream =
            stream.max_frame_size(largest).aggregate_continuations().max_continuation_size(largest);
        let period = settings.heartbeat.max(Duration::from_millis(1));
        let mut heartbeat = interval_at(Instant::now() + period, period);
        heartbeat.set_missed_tick_behavior(MissedTickBehavior::Delay);
        if let ControlFlow::Break(ended) = self.greet().await {
            return ended;
        }
        loop {
            let step = tokio::select! {
                () = shutdown.cancelled() => Step::Break(Some(CloseCode::GoingAway)),
                () = sleep_until(until) => Step::Break(Some(CloseCode::Unauthorized)),
                _ = heartbeat.tick() => self.beat().await,
                items = queue.take(BATCH) => self.relay(items).await,
                message = stream.recv() => self.hear(message).await,
            };
            if let ControlFlow::Break(ended) = step {
                return ended;
            }
        }
    }

    async fn greet(&mut self) -> Step {
        let settings = self.gateway.settings.sockets;
        self.send(&ServerFrame::ConnectionEstablished {
            connection_id: Uuid::now_v7(),
            heartbeat_s: settings.heartbeat.as_secs(),
            max_subscriptions: settings.max_subscriptions,
        })
        .await
    }

    /// Pings, unless the last ping found a silent client.
    async fn beat(&mut self) -> Step {
        if self.last_ping.is_some_and(|ping| self.last_heard < ping) {
            return Step::Break(Some(CloseCode::TooSlow));
        }
        self.last_ping = Some(Instant::now());
        self.send(&ServerFrame::Ping {}).await
    }

    async fn relay(&mut self, items: Vec<Item>) -> Step {
        if self.queue.is_hopeless() {
            return Step::Break(Some(CloseCode::TooSlow));
        }
        for item in items {
            match item {
                Item::Frame(frame) => self.write(frame.text).await?,
                Item::Gap { job, resume_after } => self.tell_gap(job, resume_after).await?,
            }
        }
        Step::Continue(())
    }

    async fn tell_gap(&mut self, job: JobId, resume_after: Cursor) -> Step {
        match snapshot(&*self.gateway.parts.jobs, job).await {
            Ok(Some(snapshot)) => {
                self.gateway.telemetry.gaps.inc();
                let resume_after = resume_after.into();
                self.send(&ServerFrame::Gap { session_id: job, resume_after, snapshot }).await
            }
            Ok(None) => self.refuse("not_found", "The session is gone.", Some(job)).await,
            Err(error) => {
                error!(%error, "a snapshot cannot be read");
                self.unfollow(job);
                let message = "The session cannot be read now; subscribe again.";
                self.refuse("unavailable", message, Some(job)).await
            }
        }
    }

    async fn hear(&mut self, message: Option<Result<AggregatedMessage, ProtocolError>>) -> Step {
        let message = match message {
            None => return Step::Break(None),
            Some(Err(ProtocolError::Overflow)) => {
                return Step::Break(Some(CloseCode::TooLarge));
            }
            Some(Err(error)) => {
                debug!(%error, "a socket broke");
                return Step::Break(None);
            }
            Some(Ok(message)) => message,
        };
        self.last_heard = Instant::now();
        if let Err(until) = self.limiter.check() {
            let message = "Too many frames; this one was not followed.";
            self.refuse("rate_limited", message, None).await?;
            // Not reading is what slows a flood down.
            sleep(until.wait_time_from(DefaultClock::default().now())).await;
            return Step::Continue(());
        }
        match message {
            AggregatedMessage::Text(text) => self.follow_frame(&text).await,
            AggregatedMessage::Ping(bytes) => {
                let sent = timeout(self.patience(), self.session.pong(&bytes)).await;
                if matches!(sent, Ok(Ok(()))) { Step::Continue(()) } else { Step::Break(None) }
            }
            AggregatedMessage::Pong(_) => Step::Continue(()),
            AggregatedMessage::Close(_) => Step::Break(None),
            AggregatedMessage::Binary(_) => {
                self.refuse("bad_frame", "Frames are JSON text.", None).await
            }
        }
    }

    async fn follow_frame(&mut self, text: &str) -> Step {
        match serde_json::from_str::<ClientFrame>(text) {
            Ok(ClientFrame::SubscribeSession { session_id, cursor }) => {
                self.subscribe(session_id, cursor.map(Into::into)).await
            }
            Ok(ClientFrame::UnsubscribeSession { session_id }) => {
                self.unfollow(session_id);
                self.send(&ServerFrame::SessionUnsubscribed { session_id }).await
            }
            Ok(ClientFrame::Ping {}) => self.send(&ServerFrame::Pong {}).await,
            Ok(ClientFrame::Pong {}) => Step::Continue(()),
            Err(error) => self.refuse("bad_frame", &error.to_string(), None).await,
        }
    }

    async fn subscribe(&mut self, id: JobId, cursor: Option<Cursor>) -> Step {
        self.unfollow(id);
        let most = self.gateway.settings.sockets.max_subscriptions as usize;
        if self.follows.len() >= most {
            let message = format!("You follow {most} sessions already; unsubscribe from one.");
            return self.refuse("too_many_subscriptions", &message, Some(id)).await;
        }
        match self.try_subscribe(id, cursor).await {
            Ok(Some(subscribed)) => self.send(&subscribed).await,
            Ok(None) => self.refuse("not_found", "There is no such session.", Some(id)).await,
            Err(error) => {
                error!(%error, "a session cannot be followed");
                self.unfollow(id);
                let message = "The session cannot be followed now; try again.";
                self.refuse("unavailable", message, Some(id)).await
            }
        }
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
        let follow = Follow::start(&self.gateway.hubs, id, cursor, &self.queue).await?;
        self.follows.insert(id, follow);
        let latest = self.gateway.parts.events.latest(id).await?.map(Into::into);
        let snapshot = snapshot(&*jobs, id).await?;
        Ok(snapshot.map(|snapshot| ServerFrame::SessionSubscribed {
            session_id: id,
            snapshot,
            latest,
        }))
    }

    fn unfollow(&mut self, id: JobId) {
        self.follows.remove(&id);
    }

    async fn refuse(&mut self, code: &str, message: &str, session_id: Option<JobId>) -> Step {
        let (code, message) = (code.to_owned(), message.to_owned());
        self.send(&ServerFrame::Error { code, message, session_id }).await
    }

    async fn send(&mut self, frame: &ServerFrame) -> Step {
        match serde_json::to_string(frame) {
            Ok(text) => self.write(text.into()).await,
            Err(error) => {
                error!(%error, "a frame cannot be written");
                Step::Continue(())
            }
        }
    }

    async fn write(&mut self, text: ByteString) -> Step {
        match timeout(self.patience(), self.session.text(text)).await {
            Ok(Ok(())) => Step::Continue(()),
            Ok(Err(_)) => Step::Break(None),
            Err(_) => Step::Break(Some(CloseCode::TooSlow)),
        }
    }

    fn patience(&self) -> Duration {
        self.gateway.settings.sockets.send_timeout
    }
}
