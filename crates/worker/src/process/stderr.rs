use std::collections::VecDeque;
use std::io;
use std::os::fd::AsFd;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use alphafleet_domain::LeaseId;
use nix::errno::Errno;
use nix::unistd::read;
use tokio::net::unix::pipe::Receiver;
use tokio::process::ChildStderr;
use tokio::sync::Notify;
use tokio::task::AbortHandle;

use super::lines::{Line, Splitter};
use crate::frame::MARK;

const LONGEST_LINE: usize = 8 << 10;
const LAST_WORDS: usize = 40;
const WAITING: usize = 1_024;

/// What a child writes to standard error, line by line, each with the lease it belongs to. Nobody
/// has to take it: what is too much is left out and counted, so that a chatty library neither
/// blocks nor fills the memory.
#[derive(Debug)]
pub(crate) struct Stderr {
    shared: Arc<Shared>,
    follower: AbortHandle,
}

#[derive(Debug)]
struct Shared {
    pipe: Receiver,
    heard: Mutex<Heard>,
    /// Lines came, or the end.
    grown: Notify,
}

#[derive(Debug)]
struct Heard {
    splitter: Splitter,
    /// Whose lines come now.
    owner: Option<LeaseId>,
    waiting: VecDeque<(LeaseId, String)>,
    last: VecDeque<String>,
    left_out: u64,
    closed: bool,
}

impl Stderr {
    /// What comes before the first job is of `lease`, whatever that may be.
    pub fn follow(pipe: ChildStderr, lease: LeaseId) -> io::Result<Self> {
        let pipe = Receiver::from_owned_fd(pipe.into_owned_fd()?)?;
        let heard = Mutex::new(Heard {
            splitter: Splitter::new(LONGEST_LINE),
            owner: Some(lease),
            waiting: VecDeque::new(),
            last: VecDeque::new(),
            left_out: 0,
            closed: false,
        });
        let shared = Arc::new(Shared { pipe, heard, grown: Notify::new() });
        let follower = tokio::spawn(follow(Arc::clone(&shared))).abort_handle();
        Ok(Self { shared, follower })
    }

    /// The next line of this lease's job; `None` once the child has closed it. Lines of jobs
    /// before it are skipped. Safe to cancel.
    pub async fn next(&self, lease: LeaseId) -> Option<String> {
        loop {
            let grown = self.shared.grown.notified();
            {
                let mut heard = self.shared.lock();
                if let Some(line) = heard.take(lease) {
                    return Some(line);
                }
                if heard.closed {
                    return None;
                }
            }
            grown.await;
        }
    }

    /// All that was written of this lease's job up to now, whether or not it was heard yet, and
    /// whether or not its last line has an end: the job has.
    pub fn drain(&self, lease: LeaseId) -> Vec<String> {
        let mut heard = self.shared.lock();
        heard.hear(&self.shared.pipe);
        if heard.owner == Some(lease) {
            heard.end_line();
        }
        std::iter::from_fn(|| heard.take(lease)).collect()
    }

    /// Forgets what was written up to now: it belongs to an earlier job. What comes is of `lease`.
    pub fn start_over(&self, lease: LeaseId) {
        let mut heard = self.shared.lock();
        heard.hear(&self.shared.pipe);
        heard.end_line();
        heard.waiting.clear();
        heard.begin(lease);
    }

    /// The last lines, oldest first.
    pub fn last_words(&self) -> Vec<String> {
        self.shared.lock().last.iter().cloned().collect()
    }

    /// How many lines nobody got, since the last question.
    pub fn take_left_out(&self) -> u64 {
        std::mem::take(&mut self.shared.lock().left_out)
    }
}

impl Drop for Stderr {
    fn drop(&mut self) {
        self.follower.abort();
    }
}

async fn follow(shared: Arc<Shared>) {
    while shared.pipe.readable().await.is_ok() {
        let closed = {
            let mut heard = shared.lock();
            heard.hear(&shared.pipe);
            // The readiness is only forgotten by a read of the pipe's own.
            let mut more = [0; 1_024];
            if let Ok(count @ 1..) = shared.pipe.try_read(&mut more) {
                heard.split(&more[..count]);
            }
            heard.closed
        };
        shared.grown.notify_waiters();
        if closed {
            return;
        }
    }
    shared.lock().closed = true;
    shared.grown.notify_waiters();
}

impl Shared {
    fn lock(&self) -> MutexGuard<'_, Heard> {
        self.heard.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Heard {
    /// Reads until the pipe is empty.
    fn hear(&mut self, pipe: &Receiver) {
        let mut buffer = [0; 16 << 10];
        while !self.closed {
            match read(pipe.as_fd(), &mut buffer) {
                Ok(0) => self.end(),
                Ok(count) => self.split(&buffer[..count]),
                Err(Errno::EINTR) => {}
                Err(Errno::EAGAIN) => return,
                Err(_) => self.end(),
            }
        }
    }

    fn split(&mut self, bytes: &[u8]) {
        let mut rest = bytes;
        while let Some(line) = self.splitter.push(&mut rest) {
            self.line(&line);
        }
    }

    fn end(&mut self) {
        self.end_line();
        self.closed = true;
    }

    fn end_line(&mut self) {
        if let Some(line) = self.splitter.finish() {
            self.line(&line);
        }
    }

    fn line(&mut self, line: &Line) {
        let text = String::from_utf8_lossy(&line.bytes).trim_end().replace('\0', "");
        if let Some(lease) = text.strip_prefix(MARK).and_then(|lease| lease.parse().ok()) {
            self.begin(lease);
            return;
        }
        let Some(owner) = self.owner.filter(|_| !text.is_empty()) else { return };
        if self.last.len() == LAST_WORDS {
            self.last.pop_front();
        }
        self.last.push_back(text.clone());
        if self.waiting.len() < WAITING {
            self.waiting.push_back((owner, text));
        } else {
            self.left_out += 1;
        }
    }

    fn begin(&mut self, lease: LeaseId) {
        self.owner = Some(lease);
        self.last.clear();
        self.left_out = 0;
    }

    /// The next line of a job. Of others before it nobody asks any more.
    fn take(&mut self, lease: LeaseId) -> Option<String> {
        let place = self.waiting.iter().position(|(owner, _)| *owner == lease)?;
        self.waiting.drain(..=place).next_back().map(|(_, text)| text)
    }
}
