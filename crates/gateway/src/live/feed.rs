use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use alphafleet_domain::{Cursor, Event, EventKind, Instant, JobId};
use alphafleet_protocol::{ProgressPayload, SessionState, StatePayload};
use serde::Deserialize;
use tokio::sync::Notify;

use super::batch::Batch;
use super::hub::Listen;

/// News of a task that its follower has not heard yet. Progress that newer progress outdates is
/// left out; changes of state are not.
#[derive(Debug, Default)]
pub(super) struct TaskFeed {
    waiting: Mutex<VecDeque<News>>,
    told: Notify,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum News {
    State {
        state: SessionState,
        failure: Option<String>,
        at: Instant,
    },
    Progress {
        percent: f64,
        message: String,
        at: Instant,
    },
    /// News were lost: the database knows.
    Lost,
}

/// More than any task has states; beyond it the database is asked.
const MOST: usize = 256;

impl TaskFeed {
    pub async fn next(&self) -> News {
        loop {
            let first = self.waiting.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
            match first {
                Some(news) => return news,
                None => self.told.notified().await,
            }
        }
    }

    fn push(&self, news: News) {
        let mut waiting = self.waiting.lock().unwrap_or_else(PoisonError::into_inner);
        let outdated = |last: &News| matches!(last, News::Progress { .. });
        if matches!(news, News::Progress { .. }) && waiting.back().is_some_and(outdated) {
            waiting.pop_back();
        }
        if waiting.len() >= MOST {
            waiting.clear();
            waiting.push_back(News::Lost);
        }
        waiting.push_back(news);
        drop(waiting);
        self.told.notify_one();
    }
}

impl Listen for TaskFeed {
    fn hear(&self, _: &Arc<Batch>, from: usize, events: &[Arc<Event>]) {
        for event in events.iter().skip(from) {
            if let Some(news) = news(event) {
                self.push(news);
            }
        }
    }

    fn gap(&self, _: JobId, _: Cursor) {
        self.push(News::Lost);
    }

    fn forget(&self, _: JobId) {}
}

fn news(event: &Event) -> Option<News> {
    let (payload, at) = (&event.body.payload, event.body.at);
    match event.body.kind {
        EventKind::State => Some(match StatePayload::deserialize(payload) {
            Ok(StatePayload { state, failure, .. }) => {
                News::State { state, failure: failure.map(|failure| failure.message), at }
            }
            Err(_) => News::Lost,
        }),
        EventKind::Progress => {
            let ProgressPayload(progress) = ProgressPayload::deserialize(payload).ok()?;
            let message =
                if progress.message.is_empty() { progress.stage } else { progress.message };
            Some(News::Progress { percent: progress.percent, message, at })
        }
        EventKind::Metrics | EventKind::Log | EventKind::Resources => None,
    }
}

#[cfg(test)]
mod tests {
    use chrono::Utc;

    use super::*;

    #[tokio::test]
    async fn outdated_progress_is_left_out_and_no_state_is() {
        let (feed, at) = (TaskFeed::default(), Utc::now());
        let progress = |percent| News::Progress { percent, message: String::new(), at };
        let state = |state| News::State { state, failure: None, at };
        let running = state(SessionState::Running);
        for news in [running.clone(), progress(1.0), progress(2.0), state(SessionState::Pending)] {
            feed.push(news);
        }
        assert_eq!(feed.next().await, running);
        assert_eq!(feed.next().await, progress(2.0));
        assert_eq!(feed.next().await, state(SessionState::Pending));
        for _ in 0..=MOST {
            feed.push(running.clone());
        }
        assert_eq!(feed.next().await, News::Lost);
        assert_eq!(feed.next().await, running);
    }
}
