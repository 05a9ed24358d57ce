use std::io;
use std::path::Path;
use std::pin::pin;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::process::Command;
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::warn;

use super::child::{ChildProcess, StartError};
use super::spawner::Spawner;
use crate::child::{MEMORY_LIMIT, SUPERVISOR};
use crate::supervisor::{ChildCommand, WorkerConfig, WorkerStats, count};

const INHERITED: [&str; 6] = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH"];

/// Children that wait for work. One for each slot is started when the worker is, and they are used
/// again as long as they finish normally.
#[derive(Debug)]
pub(crate) struct Pool {
    spawner: Spawner,
    template: Template,
    patience: Duration,
    most: usize,
    stats: Arc<WorkerStats>,
    children: Mutex<Children>,
    /// A child came, or a start in the background failed.
    changed: Notify,
    closed: AtomicBool,
}

#[derive(Debug, Default)]
struct Children {
    idle: Vec<ChildProcess>,
    /// On their way.
    starting: usize,
    /// Those who wait for one of these.
    expected: usize,
}

impl Pool {
    pub fn new(config: &WorkerConfig, folder: &Path, stats: Arc<WorkerStats>) -> io::Result<Self> {
        Ok(Self {
            spawner: Spawner::start()?,
            template: Template::new(config, folder),
            patience: config.grace.ready,
            most: config.slots() as usize,
            stats,
            children: Mutex::default(),
            changed: Notify::new(),
            closed: AtomicBool::new(false),
        })
    }

    /// Starts a child for each slot, before the first job asks for one.
    pub fn warm(self: &Arc<Self>) {
        for _ in 0..self.most {
            self.replace();
        }
    }

    /// A child that lives and waits.
    pub async fn take(&self) -> Result<ChildProcess, StartError> {
        loop {
            let mut changed = pin!(self.changed.notified());
            changed.as_mut().enable();
            match self.next() {
                Next::Waits(mut child) => {
                    if !child.process.has_ended() {
                        return Ok(*child);
                    }
                    child.process.end().await;
                }
                Next::IsStarting => {
                    let _expected = Expected(self);
                    changed.await;
                }
                Next::None => return self.start(self.template.threads).await,
            }
        }
    }

    /// A new child whose libraries use fewer threads. It serves one job only.
    pub async fn take_with_threads(&self, threads: usize) -> Result<ChildProcess, StartError> {
        let mut child = self.start(threads).await?;
        child.retire();
        Ok(child)
    }

    /// Keeps a child that finished normally, unless there are enough.
    pub async fn give_back(&self, child: ChildProcess) {
        if let Some(mut surplus) = self.push(child) {
            surplus.process.end().await;
        }
    }

    /// Starts a child in the place of one that is gone, before the next job asks for it.
    pub fn replace(self: &Arc<Self>) {
        if self.closed.load(Ordering::Acquire) {
            return;
        }
        self.lock().starting += 1;
        let pool = Arc::clone(self);
        tokio::spawn(async move {
            let started = pool.start(pool.template.threads).await;
            let surplus = match started {
                Ok(child) => pool.push(child),
                Err(error) => {
                    warn!(%error, "a child is not started yet");
                    None
                }
            };
            pool.lock().starting -= 1;
            pool.changed.notify_waiters();
            if let Some(mut surplus) = surplus {
                surplus.process.end().await;
            }
        });
    }

    /// Ends the waiting children.
    pub async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        let mut ends = JoinSet::new();
        let idle = std::mem::take(&mut self.lock().idle);
        for mut child in idle {
            ends.spawn(async move { child.process.end().await });
        }
        if timeout(Duration::from_secs(5), ends.join_all()).await.is_err() {
            warn!("waiting children do not end although they were killed");
        }
    }

    async fn start(&self, threads: usize) -> Result<ChildProcess, StartError> {
        let command = self.template.command(threads);
        let child = ChildProcess::start(&self.spawner, command, self.patience).await?;
        count(&self.stats.children_started);
        Ok(child)
    }

    fn push(&self, child: ChildProcess) -> Option<ChildProcess> {
        let mut children = self.lock();
        let enough = self.closed.load(Ordering::Acquire) || children.idle.len() >= self.most;
        if enough || child.is_retired() {
            return Some(child);
        }
        children.idle.push(child);
        self.changed.notify_waiters();
        None
    }

    fn next(&self) -> Next {
        let mut children = self.lock();
        if let Some(child) = children.idle.pop() {
            Next::Waits(Box::new(child))
        } else if children.starting > children.expected {
            children.expected += 1;
            Next::IsStarting
        } else {
            Next::None
        }
    }

    fn lock(&self) -> MutexGuard<'_, Children> {
        self.children.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

enum Next {
    Waits(Box<ChildProcess>),
    /// One is on its way that nobody else waits for.
    IsStarting,
    None,
}

/// Somebody waits for a child that is starting.
struct Expected<'a>(&'a Pool);

impl Drop for Expected<'_> {
    fn drop(&mut self) {
        self.0.lock().expected -= 1;
    }
}

/// How a child is started: in a process group of its own, with little of our environment.
#[derive(Debug)]
struct Template {
    child: ChildCommand,
    threads: usize,
    memory_bytes: Option<u64>,
    folder: std::path::PathBuf,
}

impl Template {
    fn new(config: &WorkerConfig, folder: &Path) -> Self {
        Self {
            child: config.child.clone(),
            threads: config.threads.max(1),
            memory_bytes: config.memory_bytes,
            folder: folder.to_owned(),
        }
    }

    fn command(&self, threads: usize) -> Command {
        let threads = threads.to_string();
        let mut command = Command::new(&self.child.program);
        command.args(&self.child.args).env_clear();
        for name in INHERITED {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            .env("TMPDIR", &self.folder)
            .env("OMP_NUM_THREADS", &threads)
            .env("RAYON_NUM_THREADS", &threads)
            .env(SUPERVISOR, std::process::id().to_string())
            .envs(self.child.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .process_group(0)
            .kill_on_drop(true);
        if let Some(bytes) = self.memory_bytes {
            command.env(MEMORY_LIMIT, bytes.to_string());
        }
        command
    }
}
