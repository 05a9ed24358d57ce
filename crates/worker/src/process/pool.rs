use std::io;
use std::path::Path;
use std::process::Stdio;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::process::Command;
use tokio::task::JoinSet;
use tokio::time::timeout;
use tracing::warn;

use super::child::{ChildProcess, StartError};
use super::spawner::Spawner;
use crate::child::{MEMORY_LIMIT, SUPERVISOR};
use crate::supervisor::{ChildCommand, WorkerConfig, WorkerStats, count};

const INHERITED: [&str; 6] = ["PATH", "HOME", "LANG", "LC_ALL", "TZ", "LD_LIBRARY_PATH"];

/// Children that wait for work. They are started when first needed, and used again as long as
/// they finish normally.
#[derive(Debug)]
pub(crate) struct Pool {
    spawner: Spawner,
    template: Template,
    patience: Duration,
    most: usize,
    stats: Arc<WorkerStats>,
    idle: Mutex<Vec<ChildProcess>>,
    closed: AtomicBool,
}

impl Pool {
    pub fn new(config: &WorkerConfig, folder: &Path, stats: Arc<WorkerStats>) -> io::Result<Self> {
        Ok(Self {
            spawner: Spawner::start()?,
            template: Template::new(config, folder),
            patience: config.grace.ready,
            most: config.slots() as usize,
            stats,
            idle: Mutex::default(),
            closed: AtomicBool::new(false),
        })
    }

    /// A child that lives and waits.
    pub async fn take(&self) -> Result<ChildProcess, StartError> {
        while let Some(mut child) = self.pop() {
            if !child.process.has_ended() {
                child.stderr.start_over();
                return Ok(child);
            }
            child.process.end().await;
        }
        self.start().await
    }

    /// Keeps a child that finished normally, unless there are enough.
    pub async fn give_back(&self, child: ChildProcess) {
        if let Some(mut surplus) = self.push(child) {
            surplus.process.end().await;
        }
    }

    /// Starts a child in the place of one that is gone, before the next job asks for it.
    pub fn replace(self: &Arc<Self>) {
        let pool = Arc::clone(self);
        tokio::spawn(async move {
            match pool.start().await {
                Ok(child) => pool.give_back(child).await,
                Err(error) => warn!(%error, "a crashed child is not replaced yet"),
            }
        });
    }

    /// Ends the waiting children.
    pub async fn close(&self) {
        self.closed.store(true, Ordering::Release);
        let mut ends = JoinSet::new();
        while let Some(mut child) = self.pop() {
            ends.spawn(async move { child.process.end().await });
        }
        if timeout(Duration::from_secs(5), ends.join_all()).await.is_err() {
            warn!("waiting children do not end although they were killed");
        }
    }

    async fn start(&self) -> Result<ChildProcess, StartError> {
        let child =
            ChildProcess::start(&self.spawner, self.template.command(), self.patience).await?;
        count(&self.stats.children_started);
        Ok(child)
    }

    fn push(&self, child: ChildProcess) -> Option<ChildProcess> {
        let mut idle = self.lock();
        if self.closed.load(Ordering::Acquire) || idle.len() >= self.most {
            return Some(child);
        }
        idle.push(child);
        None
    }

    fn pop(&self) -> Option<ChildProcess> {
        self.lock().pop()
    }

    fn lock(&self) -> MutexGuard<'_, Vec<ChildProcess>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// How a child is started: in a process group of its own, with little of our environment.
#[derive(Debug)]
struct Template {
    child: ChildCommand,
    threads: String,
    memory_bytes: Option<u64>,
    folder: std::path::PathBuf,
}

impl Template {
    fn new(config: &WorkerConfig, folder: &Path) -> Self {
        Self {
            child: config.child.clone(),
            threads: config.threads.max(1).to_string(),
            memory_bytes: config.memory_bytes,
            folder: folder.to_owned(),
        }
    }

    fn command(&self) -> Command {
        let mut command = Command::new(&self.child.program);
        command.args(&self.child.args).env_clear();
        for name in INHERITED {
            if let Some(value) = std::env::var_os(name) {
                command.env(name, value);
            }
        }
        command
            .env("TMPDIR", &self.folder)
            .env("OMP_NUM_THREADS", &self.threads)
            .env("RAYON_NUM_THREADS", &self.threads)
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
