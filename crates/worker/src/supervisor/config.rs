use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use alphafleet_domain::Queue;

/// What a worker is given at start.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkerConfig {
    pub queues: Vec<QueueSlots>,
    /// A worker that has not beaten for so long has lost its leases.
    pub window: Duration,
    /// Between two beats.
    pub beat: Duration,
    /// How often a free slot looks for work without a ticket.
    pub poll: Duration,
    pub child: ChildCommand,
    /// Each attempt works in a folder of its own below this one.
    pub scratch: PathBuf,
    /// Where children read objects from.
    pub storage_url: String,
    /// How many threads one job may use.
    pub threads: usize,
    /// How much private memory the process of one job may take.
    pub memory_bytes: Option<u64>,
    pub grace: Grace,
    /// This machine's name, as shown to administrators.
    pub host: String,
    pub version: String,
}

impl WorkerConfig {
    pub fn new(child: ChildCommand, scratch: PathBuf, storage_url: String) -> Self {
        Self {
            queues: Vec::new(),
            window: Duration::from_secs(3),
            beat: Duration::from_secs(1),
            poll: Duration::from_secs(1),
            child,
            scratch,
            storage_url,
            threads: 1,
            memory_bytes: None,
            grace: Grace::default(),
            host: host_name(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
        }
    }

    /// Adds a queue with its slots, which look as far ahead as its kinds allow.
    #[must_use]
    pub fn with_queue(mut self, queue: Queue, slots: u32) -> Self {
        let look_ahead = queue.look_ahead();
        self.queues.push(QueueSlots { queue, slots, look_ahead });
        self
    }

    pub fn slots(&self) -> u32 {
        self.queues.iter().map(|queue| queue.slots).sum()
    }
}

/// How many jobs of a queue run at once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueSlots {
    pub queue: Queue,
    pub slots: u32,
    /// How many jobs one slot may claim at once, to run them one after the other. More than one
    /// pays for jobs that are mostly done before another claim would be answered.
    pub look_ahead: u16,
}

/// The command that starts a child. Its environment holds `env`, the settings of a child and
/// `PATH`, `HOME`, `LANG`, `LC_ALL`, `TZ`, `LD_LIBRARY_PATH`; nothing else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChildCommand {
    pub program: PathBuf,
    pub args: Vec<OsString>,
    pub env: Vec<(OsString, OsString)>,
}

impl ChildCommand {
    pub fn new(program: impl Into<PathBuf>, args: &[&str]) -> Self {
        let args = args.iter().map(OsString::from).collect();
        Self { program: program.into(), args, env: Vec::new() }
    }
}

/// How long processes get to do as they are told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Grace {
    /// From start to `ready`.
    pub ready: Duration,
    /// From the stop frame of a cancel to SIGTERM.
    pub cancel: Duration,
    /// From SIGTERM to SIGKILL.
    pub terminate: Duration,
    /// From the stop frame of a drain to SIGTERM: time for a checkpoint.
    pub drain: Duration,
    /// From the shutdown to the end of the worker, whatever is left then.
    pub shutdown: Duration,
}

impl Default for Grace {
    fn default() -> Self {
        Self {
            ready: Duration::from_secs(20),
            cancel: Duration::from_secs(2),
            terminate: Duration::from_secs(2),
            drain: Duration::from_secs(10),
            shutdown: Duration::from_secs(30),
        }
    }
}

fn host_name() -> String {
    let name = std::fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = name.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}
