//! A private Redis for tests.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::folder::Folder;
use crate::installed::{missing, program};
use crate::leash::{Leash, Leashed};
use crate::port::Port;

/// URL of a running server. Without it each test process starts one.
pub const URL_VARIABLE: &str = "ALPHAFLEET_TEST_REDIS_URL";

/// A server that tests share: they keep apart by namespaces.
#[derive(Clone)]
pub struct Shared {
    url: String,
    _server: Option<Arc<Server>>,
}

impl Shared {
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// `None`, with a word on the terminal, where Redis is not installed; a panic if that happens in
/// continuous integration (`CI=true`).
pub fn shared() -> Option<Shared> {
    static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
    if let Some(url) = std::env::var(URL_VARIABLE).ok().filter(|url| !url.is_empty()) {
        return Some(Shared { url, _server: None });
    }
    let mut shared = SHARED.lock().unwrap_or_else(|poison| poison.into_inner());
    let server = match shared.upgrade() {
        Some(server) => server,
        None => Arc::new(Server::start()?),
    };
    *shared = Arc::downgrade(&server);
    Some(Shared { url: server.url().to_owned(), _server: Some(server) })
}

/// A server on a free loopback port with its data in a temporary folder. Ended when dropped.
pub struct Server {
    url: String,
    port: Port,
    lines: Vec<String>,
    /// What ends it with its starter.
    ending: Signal,
    leash: Option<Leash>,
    data: Folder,
}

impl Server {
    /// Starts a server of one's own; `None` where Redis is not installed.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// Starts with further lines of configuration.
    pub fn start_with(lines: &[&str]) -> Option<Self> {
        if !is_installed() {
            missing("Redis", "redis-server");
            return None;
        }
        let data = Folder::temporary("redis");
        let port = Port::claim();
        let url = format!("redis://127.0.0.1:{}", port.number());
        let lines = lines.iter().map(|&line| line.to_owned()).collect();
        let mut server = Self { url, port, lines, ending: Signal::SIGKILL, leash: None, data };
        server.start_again();
        Some(server)
    }

    /// Starts a server whose data stays in `folder`.
    pub(crate) fn keep(folder: &Path, port: u16, password: &str) -> std::io::Result<Self> {
        let data = Folder::kept(folder)?;
        let (port, url) =
            (Port::chosen(port), format!("redis://default:{password}@127.0.0.1:{port}"));
        let lines = vec![format!("requirepass {password}"), "appendfsync everysec".to_owned()];
        let mut server = Self { url, port, lines, ending: Signal::SIGTERM, leash: None, data };
        server.start_again();
        Ok(server)
    }

    pub fn url(&self) -> &str {
        &self.url
    }

    pub const fn port(&self) -> u16 {
        self.port.number()
    }

    pub fn is_alive(&self) -> bool {
        self.leash.as_ref().is_some_and(Leash::is_alive)
    }

    /// Kills the server; what it answered to is in its data.
    pub fn kill(&mut self) {
        self.leash.take().expect("it runs").kill();
    }

    /// Ends the server in an orderly way.
    pub fn stop(&mut self) {
        self.leash.take().expect("it runs").stop(Signal::SIGTERM);
    }

    /// Starts the ended server again, on the same port and data.
    pub fn start_again(&mut self) {
        let mut command = Command::new(program("redis-server").expect("Redis"));
        let port = self.port();
        // Written before each answer and left to the system to sync: this survives the death of
        // the server, not that of the machine.
        let mut configuration = format!(
            "bind 127.0.0.1\nport {port}\ndir \"{}\"\nsave \"\"\nappendonly yes\nappendfsync no\n",
            self.data.path().display()
        );
        self.lines.iter().for_each(|line| configuration += &format!("{line}\n"));
        let file = self.data.path().join("redis.conf");
        std::fs::write(&file, configuration).unwrap();
        command.arg(&file);
        let log = self.data.path().join("server.log");
        let leash = Leash::start(&Leashed {
            command: &command,
            ending: self.ending,
            account: None,
            log: &log,
            temporary: self.data.if_temporary(),
        });
        leash.until_ready(|| answers(port));
        self.leash = Some(leash);
    }

    /// Starts the ended server again without its data.
    pub fn wipe_and_start_again(&mut self) {
        for entry in std::fs::read_dir(self.data.path()).unwrap().flatten() {
            let path = entry.path();
            let removed = if path.is_dir() {
                std::fs::remove_dir_all(path)
            } else {
                std::fs::remove_file(path)
            };
            removed.unwrap();
        }
        self.start_again();
    }

    /// Stops the process; it answers nobody until [`Server::resume`].
    pub fn pause(&self) {
        self.leash.as_ref().expect("it runs").pause();
    }

    pub fn resume(&self) {
        self.leash.as_ref().expect("it runs").resume();
    }
}

pub(crate) fn is_installed() -> bool {
    program("redis-server").is_some()
}

/// Whether a server answers, be it only that a password is needed.
fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
    let mut answer = [0; 5];
    stream.write_all(b"PING\r\n").is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && (&answer == b"+PONG" || &answer == b"-NOAU")
}
