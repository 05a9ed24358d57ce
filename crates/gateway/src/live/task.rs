use std::sync::Arc;
use std::time::Duration;

use alphafleet_domain::JobId;
use alphafleet_protocol::CloseCode;
use alphafleet_protocol::api::TaskFrame;
use tokio::time::{Instant, sleep_until};
use tracing::{debug, error, warn};

use super::admission::Admission;
use super::connection::every;
use super::feed::{News, TaskFeed};
use super::follow::Follow;
use super::line::{Ended, Line};
use super::wire;
use crate::gateway::Gateway;

/// The database is asked this often, too: news may be away for a while.
const RESYNC: Duration = Duration::from_secs(10);

/// A socket that follows one task from where it stands to its end.
pub(super) struct TaskConnection {
    gateway: Arc<Gateway>,
    line: Line,
    job: JobId,
    feed: Arc<TaskFeed>,
    said: Option<TaskFrame>,
}

impl TaskConnection {
    pub async fn serve(gateway: Arc<Gateway>, admission: Admission, line: Line, job: JobId) {
        let Admission { user, open, until } = admission;
        let left = (until - gateway.parts.clock.now()).to_std().unwrap_or_default();
        let feed = Arc::new(TaskFeed::default());
        let mut connection = Self { gateway, line, job, feed, said: None };
        connection.gateway.telemetry.sockets.inc();
        let ended = connection.run(Instant::now() + left).await;
        connection.gateway.telemetry.sockets.dec();
        debug!(user = %user.id, %job, code = ?ended, "a task's socket ended");
        connection.line.close(ended).await;
        drop(open);
    }

    async fn run(&mut self, until: Instant) -> Ended {
        let gateway = self.gateway.clone();
        let feed = self.feed.clone();
        let follow = Follow::from_now(&gateway.hubs, self.job, feed.clone()).await;
        if let Err(error) = &follow {
            // The database tells, if later.
            warn!(job = %self.job, %error, "a task's news cannot be followed");
        }
        let mut step = self.resync().await;
        let settings = gateway.settings.sockets;
        let mut heartbeat = every(settings.heartbeat);
        let mut resync = every(RESYNC);
        let mut watch = every(settings.send_timeout / 2);
        loop {
            if let Err(ended) = step {
                return ended;
            }
            step = tokio::select! {
                () = gateway.shutdown.cancelled() => Err(Some(CloseCode::GoingAway)),
                () = sleep_until(until) => Err(Some(CloseCode::Unauthorized)),
                _ = heartbeat.tick() => self.line.beat(wire::ping()),
                _ = resync.tick() => self.resync().await,
                _ = watch.tick() => self.watch(settings.send_timeout),
                news = feed.next() => self.tell(news).await,
                // Nothing is asked of the client; what it says is passed over.
                heard = self.line.hear() => heard.map(drop),
            };
        }
    }

    fn watch(&self, patience: Duration) -> Result<(), Ended> {
        let stalled = self.line.queue.is_stalled(patience);
        if stalled { Err(Some(CloseCode::TooSlow)) } else { Ok(()) }
    }

    /// Says where the task stands by the database, if that is new.
    async fn resync(&mut self) -> Result<(), Ended> {
        let now = self.gateway.parts.clock.now();
        match self.gateway.parts.jobs.job(self.job).await {
            Ok(Some(job)) => self.say(TaskFrame::of(&job, now)),
            Ok(None) => Err(Some(CloseCode::NotFound)),
            Err(error) if self.said.is_none() => {
                error!(job = %self.job, %error, "a task cannot be read");
                Err(Some(CloseCode::Unavailable))
            }
            Err(error) => {
                warn!(job = %self.job, %error, "a task cannot be read; it is tried again");
                Ok(())
            }
        }
    }

    async fn tell(&mut self, news: News) -> Result<(), Ended> {
        let Some(said) = self.said.clone() else { return self.resync().await };
        match news {
            News::Lost => self.resync().await,
            News::State { state, failure, at } => self.say(TaskFrame {
                status: state,
                progress: if state.as_str() == "completed" { 100.0 } else { said.progress },
                message: failure.unwrap_or_else(|| state.as_str().to_owned()),
                timestamp: at,
                ..said
            }),
            News::Progress { percent, message, at } => {
                self.say(TaskFrame { progress: percent, message, timestamp: at, ..said })
            }
        }
    }

    /// Ends with the task.
    fn say(&mut self, frame: TaskFrame) -> Result<(), Ended> {
        let same = |said: &TaskFrame| TaskFrame { timestamp: frame.timestamp, ..said.clone() };
        if self.said.as_ref().map(same).as_ref() != Some(&frame) {
            match serde_json::to_string(&frame) {
                Ok(text) => self.line.queue.push_own(wire::text(text)),
                Err(error) => error!(%error, "a frame cannot be written"),
            }
        }
        let ended = frame.status.is_terminal();
        self.said = Some(frame);
        if ended { Err(Some(CloseCode::Done)) } else { Ok(()) }
    }
}
