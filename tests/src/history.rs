use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::timeout;

use crate::{Client, Socket};

/// Everything a client saw of one session, over as many connections as it took.
#[derive(Debug, Clone, Default)]
pub struct History {
    /// The states told, in their order, with the attempt each belongs to.
    pub states: Vec<(String, u64)>,
    /// Cursors in the order they came.
    pub cursors: Vec<(String, u64)>,
    /// How often a loss was announced.
    pub gaps: usize,
    pub metrics: usize,
}

/// A task that follows a session to its end.
pub struct Following {
    told: watch::Receiver<usize>,
    task: JoinHandle<History>,
}

impl Following {
    /// Waits until so many states were told.
    pub async fn states(&mut self, count: usize) {
        let told = self.told.wait_for(|told| *told >= count);
        timeout(Duration::from_secs(60), told).await.expect("states are told").unwrap();
    }

    /// Everything that was told, once the session's end was.
    pub async fn end(self) -> History {
        timeout(Duration::from_secs(90), self.task).await.expect("its end is told").unwrap()
    }
}

impl History {
    /// Follows a session to its end in a task of its own: a connection that is lost is opened
    /// again, at the next gateway, from the last cursor.
    pub fn follow(clients: Vec<Client>, session: &str) -> Following {
        let session = session.to_owned();
        let (tell, told) = watch::channel(0);
        let task = tokio::spawn(async move {
            let mut history = Self::default();
            for turn in 0.. {
                let client = &clients[turn % clients.len()];
                if history.read(client, &session, &tell).await {
                    break;
                }
            }
            history
        });
        Following { told, task }
    }

    /// Reads one connection; whether the session's end was told.
    async fn read(&mut self, client: &Client, session: &str, tell: &watch::Sender<usize>) -> bool {
        let Some(mut socket) = open(client).await else { return false };
        let cursor = self.cursors.last().map(|(epoch, seq)| json!({ "epoch": epoch, "seq": seq }));
        if !socket.try_subscribe(session, cursor.as_ref()).await {
            return false;
        }
        loop {
            let frame = socket.next().await;
            if frame.get("close").is_some() {
                return false;
            }
            let ended = self.note(&frame);
            tell.send_replace(self.states.len());
            if ended {
                return true;
            }
        }
    }

    /// Takes a frame in; whether it says that the session has ended.
    fn note(&mut self, frame: &Value) -> bool {
        let ended = |state: &Value| {
            state
                .as_str()
                .is_some_and(|state| ["completed", "failed", "cancelled"].contains(&state))
        };
        match frame["type"].as_str() {
            Some("gap") => {
                self.gaps += 1;
                self.cursors.push(cursor(&frame["resume_after"]).unwrap());
                return ended(&frame["snapshot"]["state"]);
            }
            Some("session_subscribed") => {
                let seen_all = cursor(&frame["latest"]) == self.cursors.last().cloned();
                return seen_all && ended(&frame["snapshot"]["state"]);
            }
            Some("session_metrics_update") => self.metrics += 1,
            _ => {}
        }
        self.cursors.extend(cursor(&frame["cursor"]));
        let Some(state) = frame["state"]["state"].as_str() else { return false };
        self.states.push((state.to_owned(), frame["attempt"].as_u64().unwrap()));
        ended(&frame["state"]["state"])
    }

    /// The states told, in order.
    pub fn states(&self) -> Vec<&str> {
        self.states.iter().map(|(state, _)| state.as_str()).collect()
    }

    pub fn completions(&self) -> usize {
        self.states.iter().filter(|(state, _)| state == "completed").count()
    }

    /// Fails unless every event came once, in order, but for losses that were announced.
    pub fn assert_in_order(&self) {
        for pair in self.cursors.windows(2) {
            let [(epoch, seq), (next_epoch, next_seq)] = pair else { unreachable!() };
            if epoch == next_epoch {
                assert!(next_seq > seq, "{next_seq} came after {seq}: {:?}", self.cursors);
            }
        }
        if self.gaps == 0 {
            let seqs: Vec<u64> = self.cursors.iter().map(|(_, seq)| *seq).collect();
            let expected: Vec<u64> = (1..=seqs.len() as u64).collect();
            assert_eq!(seqs, expected, "an event was lost without a word");
        }
    }
}

fn cursor(value: &Value) -> Option<(String, u64)> {
    Some((value["epoch"].as_str()?.to_owned(), value["seq"].as_u64()?))
}

/// A gateway may be away for a while.
async fn open(client: &Client) -> Option<Socket> {
    let deadline = Instant::now() + Duration::from_secs(2);
    while Instant::now() < deadline {
        if let Some(socket) = Socket::try_open(client).await {
            return Some(socket);
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    None
}
