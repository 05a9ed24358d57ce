use std::fs::{self, OpenOptions, TryLockError};
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use alphafleet_testkit::{Services, started_at};
use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, setsid};
use tokio::signal::unix::{SignalKind, signal};

use super::{Outcome, environment, private};

/// The process whose end is the services'.
#[derive(Debug, Clone, Copy)]
pub struct Keeper {
    pid: Pid,
    started: u64,
}

impl Keeper {
    pub fn running(folder: &Path) -> Option<Self> {
        let text = fs::read_to_string(record(folder)).ok()?;
        let (pid, started) = text.trim().split_once(' ')?;
        let pid = Pid::from_raw(pid.parse().ok()?);
        Some(Self { pid, started: started.parse().ok()? }).filter(Self::lives)
    }

    pub fn lives(&self) -> bool {
        started_at(self.pid) == Some(self.started)
    }

    pub fn terminate(&self) -> nix::Result<()> {
        kill(self.pid, Signal::SIGTERM)
    }
}

/// Starts the services and ends them when told to, or when one of them ends by itself.
#[tokio::main(flavor = "current_thread")]
pub async fn keep(folder: &Path) -> Outcome {
    setsid().ok();
    let mut terminated = signal(SignalKind::terminate())?;
    let mut interrupted = signal(SignalKind::interrupt())?;
    let lock =
        OpenOptions::new().create(true).append(true).mode(0o600).open(folder.join("lock"))?;
    match lock.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            println!("started by another");
            return Ok(ExitCode::SUCCESS);
        }
        Err(TryLockError::Error(error)) => return Err(error.into()),
    }
    fs::remove_file(environment(folder)).ok();
    let killed_before = record(folder).exists();
    let patience = if killed_before { Duration::from_secs(40) } else { Duration::ZERO };
    let pid = Pid::this();
    let started = started_at(pid).ok_or("no /proc to read")?;
    private(&record(folder))?.write_all(format!("{pid} {started}\n").as_bytes())?;
    let services = Services::keep(folder, patience)?;
    private(&environment(folder))?.write_all(assignments(&services).as_bytes())?;
    println!("ready");
    tokio::select! {
        _ = terminated.recv() => {}
        _ = interrupted.recv() => {}
        () = one_ended(&services) => eprintln!("a service ended; its server.log tells why"),
    }
    fs::remove_file(environment(folder))?;
    services.stop();
    fs::remove_file(record(folder))?;
    Ok(ExitCode::SUCCESS)
}

async fn one_ended(services: &Services) {
    while services.are_alive() {
        tokio::time::sleep(Duration::from_secs(1)).await;
    }
}

fn assignments(services: &Services) -> String {
    format!(
        "export DATABASE_URL={}\nexport BROKER_URL={}\nexport EVENTS_URL={}\n",
        services.postgres.url,
        services.rabbitmq.url(),
        services.redis.url()
    )
}

fn record(folder: &Path) -> PathBuf {
    folder.join("pid")
}
