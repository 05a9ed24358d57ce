use alphafleet_domain::job::StateName;
use alphafleet_domain::ports::{EventsError, Published};
use alphafleet_domain::{Cursor, EventBody, EventKind, JobId};
use redis::{Script, ScriptInvocation};

use super::link::{Link, unavailable};
use super::{RedisSettings, wire};
use crate::StreamLimits;

/// The jobs' streams: a Redis stream each, whose entries are numbered `1-0`, `2-0`, …, so that a
/// reader can ask for what came after a number and see what is gone; and beside it a hash with the
/// epoch, the last number, and what the guards need. Both live and die together.
pub(super) struct Streams {
    pub link: Link,
    namespace: String,
    limits: StreamLimits,
    append: Script,
    read: Script,
}

/// What a stream holds after a number.
pub(super) struct Page {
    pub epoch: u64,
    /// Number of the newest event ever; 0 before the first.
    pub last: u64,
    /// Numbers and texts, ascending, at most as many as were asked for.
    pub events: Vec<(u64, String)>,
}

impl Streams {
    pub fn new(link: Link, settings: &RedisSettings) -> Self {
        Self {
            link,
            namespace: settings.namespace.clone(),
            limits: settings.limits,
            append: Script::new(include_str!("append.lua")),
            read: Script::new(include_str!("read.lua")),
        }
    }

    /// Everything of one job has one hash tag, so that a cluster keeps it together.
    fn key(&self, job: JobId, what: &str) -> String {
        format!("{}:{{{job}}}:{what}", self.namespace)
    }

    pub fn channel(&self, job: JobId) -> String {
        self.key(job, "news")
    }

    pub async fn append(&self, event: &EventBody) -> Result<Published, EventsError> {
        let invocation = self.invocation(event)?;
        let answer: String =
            self.link.call(async |redis| invocation.invoke_async(redis).await).await?;
        published(&answer)
    }

    /// One round trip for all.
    pub async fn append_all(
        &self,
        events: &[EventBody],
    ) -> (Vec<Published>, Result<(), EventsError>) {
        match self.try_append_all(events).await {
            Ok(published) => (published, Ok(())),
            Err(error) => (Vec::new(), Err(error)),
        }
    }

    async fn try_append_all(&self, events: &[EventBody]) -> Result<Vec<Published>, EventsError> {
        let mut pipeline = redis::pipe();
        // Whoever restarted the server took the script with it.
        pipeline.load_script(&self.append).ignore();
        for event in events {
            pipeline.invoke_script(&self.invocation(event)?);
        }
        let answers: Vec<String> =
            self.link.call(async |redis| pipeline.query_async(redis).await).await?;
        answers.iter().map(|answer| published(answer)).collect()
    }

    fn invocation(&self, event: &EventBody) -> Result<ScriptInvocation<'_>, EventsError> {
        let text = wire::encode(event).map_err(unavailable)?;
        let mut invocation = self.append.prepare_invoke();
        invocation
            .key(self.key(event.job, "events"))
            .key(self.key(event.job, "guard"))
            .key(self.channel(event.job))
            .arg(event.attempt)
            .arg(u8::from(event.kind == EventKind::State))
            .arg(event.outbox.map_or(String::new(), |outbox| outbox.0.to_string()))
            .arg(text)
            .arg(self.limits.events.max(1))
            .arg(self.limits.bytes)
            .arg(self.limits.idle.num_milliseconds().max(1))
            .arg(self.limits.idle_after_end.num_milliseconds().max(1))
            .arg(ends(event).map_or("", |ended| if ended { "1" } else { "0" }));
        Ok(invocation)
    }

    /// Up to `limit` events after number `after`; a stream that is not there begins.
    pub async fn read(&self, job: JobId, after: u64, limit: usize) -> Result<Page, EventsError> {
        let mut invocation = self.read.prepare_invoke();
        invocation
            .key(self.key(job, "events"))
            .key(self.key(job, "guard"))
            .arg(after)
            .arg(limit)
            .arg(self.limits.idle.num_milliseconds().max(1));
        let answer: Vec<String> =
            self.link.call(async |redis| invocation.invoke_async(redis).await).await?;
        page(&answer).ok_or_else(|| unavailable("the server answered with something else"))
    }

    /// The newest event's place, if there is one.
    pub async fn latest(&self, job: JobId) -> Result<Option<Cursor>, EventsError> {
        let key = self.key(job, "guard");
        let (epoch, seq): (Option<u64>, Option<u64>) = self
            .link
            .call(async |redis| {
                redis::cmd("HMGET").arg(&key).arg("epoch").arg("seq").query_async(redis).await
            })
            .await?;
        let cursor = epoch.zip(seq).map(|(epoch, seq)| Cursor { epoch, seq });
        Ok(cursor.filter(|cursor| cursor.seq > 0))
    }
}

fn published(answer: &str) -> Result<Published, EventsError> {
    match answer {
        "stale" => Ok(Published::Stale),
        "repeated" => Ok(Published::Repeated),
        place => wire::cursor(place)
            .map(Published::At)
            .ok_or_else(|| unavailable("the server answered with something else")),
    }
}

fn page(answer: &[String]) -> Option<Page> {
    let [epoch, last, entries @ ..] = answer else { return None };
    let events = entries
        .chunks_exact(2)
        .map(|pair| Some((pair[0].parse().ok()?, pair[1].clone())))
        .collect::<Option<_>>()?;
    Some(Page { epoch: epoch.parse().ok()?, last: last.parse().ok()?, events })
}

/// Whether a state event says that the job has ended; `None` for other news.
fn ends(event: &EventBody) -> Option<bool> {
    let state: StateName = event.payload.get("state")?.as_str()?.parse().ok()?;
    (event.kind == EventKind::State).then_some(state.is_terminal())
}
