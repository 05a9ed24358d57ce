use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::io::BufReader;
use tokio::process::ChildStderr;
use tokio::sync::mpsc::{self, Receiver, Sender};

use super::lines::{Lines, Overlong};

const LONGEST_LINE: usize = 8 << 10;
const LAST_WORDS: usize = 40;
const WAITING: usize = 1_024;

/// What a child writes to standard error, line by line. Nobody has to read it: what is too much is
/// left out and counted, so that a chatty library neither blocks nor fills the memory.
#[derive(Debug)]
pub(crate) struct Stderr {
    lines: Receiver<String>,
    tail: Arc<Mutex<Tail>>,
}

#[derive(Debug, Default)]
struct Tail {
    last: VecDeque<String>,
    left_out: u64,
}

impl Stderr {
    pub fn follow(pipe: ChildStderr) -> Self {
        let (sender, lines) = mpsc::channel(WAITING);
        let tail = Arc::<Mutex<Tail>>::default();
        tokio::spawn(read(pipe, sender, Arc::clone(&tail)));
        Self { lines, tail }
    }

    /// `None` once the child has closed it.
    pub async fn next(&mut self) -> Option<String> {
        self.lines.recv().await
    }

    /// Forgets what was written up to now: it belongs to an earlier job.
    pub fn start_over(&mut self) {
        while self.lines.try_recv().is_ok() {}
        *lock(&self.tail) = Tail::default();
    }

    /// The last lines, oldest first.
    pub fn last_words(&self) -> Vec<String> {
        lock(&self.tail).last.iter().cloned().collect()
    }

    /// How many lines nobody got, since the last question.
    pub fn take_left_out(&self) -> u64 {
        std::mem::take(&mut lock(&self.tail).left_out)
    }
}

async fn read(pipe: ChildStderr, sender: Sender<String>, tail: Arc<Mutex<Tail>>) {
    let mut lines = Lines::new(BufReader::new(pipe), LONGEST_LINE, Overlong::Skip);
    while let Ok(Some(line)) = lines.next().await {
        let text = String::from_utf8_lossy(&line.bytes).trim_end().replace('\0', "");
        if text.is_empty() {
            continue;
        }
        let mut tail = lock(&tail);
        if tail.last.len() == LAST_WORDS {
            tail.last.pop_front();
        }
        tail.last.push_back(text.clone());
        if sender.try_send(text).is_err() {
            tail.left_out += 1;
        }
    }
}

fn lock(tail: &Mutex<Tail>) -> MutexGuard<'_, Tail> {
    tail.lock().unwrap_or_else(PoisonError::into_inner)
}
