//! A private PostgreSQL for tests, and a fresh database in it for each of them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, Weak};
use std::time::{Duration, Instant};

use nix::sys::signal::Signal;
use tempfile::TempDir;
use uuid::Uuid;

use crate::leash::{Account, Leash, free_port, missing};
use crate::tls::Certificates;

/// A superuser's URL of a running server. Without it each test process starts a server.
pub const URL_VARIABLE: &str = "ALPHAFLEET_TEST_POSTGRES_URL";

/// A database of its own; dropped with this value.
pub struct Database {
    server_url: String,
    name: String,
    programs: PathBuf,
    _server: Option<Arc<Server>>,
}

impl Database {
    /// An empty database. `None`, with a word on the terminal, where PostgreSQL is not installed;
    /// a panic if that happens in continuous integration (`CI=true`).
    pub fn fresh() -> Option<Self> {
        let Some(programs) = programs() else {
            missing("PostgreSQL", "postgresql");
            return None;
        };
        let (server_url, server) = match std::env::var(URL_VARIABLE) {
            Ok(url) if !url.is_empty() => (url, None),
            _ => {
                let server = Server::shared(&programs);
                (server.url.clone(), Some(server))
            }
        };
        let name = format!("alphafleet_test_{}", Uuid::new_v4().simple());
        let database = Self { server_url, name, programs, _server: server };
        database.administer(&format!("CREATE DATABASE {}", database.name)).expect("a database");
        Some(database)
    }

    pub fn url(&self) -> String {
        let (server, query) = match self.server_url.split_once('?') {
            Some((server, query)) => (server, format!("?{query}")),
            None => (self.server_url.as_str(), String::new()),
        };
        let start = server.find("://").map_or(0, |at| at + 3);
        let end = server[start..].find('/').map_or(server.len(), |at| start + at);
        format!("{}/{}{query}", &server[..end], self.name)
    }

    /// Runs one statement on the server, outside any transaction.
    fn administer(&self, statement: &str) -> Result<(), String> {
        psql(&self.programs, &self.server_url, statement)
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if let Err(why) = self.administer(&format!("DROP DATABASE {} WITH (FORCE)", self.name)) {
            eprintln!("a test database stays: {why}");
        }
    }
}

/// A server on a free loopback port with an empty, temporary cluster. Ended when dropped.
pub struct Server {
    pub url: String,
    port: u16,
    programs: PathBuf,
    lines: Vec<String>,
    leash: Option<Leash>,
    data: TempDir,
}

impl Server {
    /// Starts a server of one's own; `None` where PostgreSQL is not installed.
    pub fn start() -> Option<Self> {
        let Some(programs) = programs() else {
            missing("PostgreSQL", "postgresql");
            return None;
        };
        Some(Self::start_with(&programs, &[]))
    }

    /// This process's server, started by whoever comes first.
    fn shared(programs: &Path) -> Arc<Self> {
        static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(|poison| poison.into_inner());
        shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Self::start_with(programs, &[]));
            *shared = Arc::downgrade(&server);
            server
        })
    }

    /// Starts a server that also speaks TLS with these certificates.
    pub fn start_with_tls(certificates: &Certificates) -> Option<Self> {
        let data = programs().map(|programs| Self::start_with(&programs, &[]));
        let mut server = data?;
        server.stop();
        let keep = |name: &str, from: PathBuf| {
            // Its key has to be its own and private.
            let to = server.data.path().join(name);
            fs::copy(from, &to).unwrap();
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).unwrap();
            if let Some(Account { uid, gid }) = unprivileged() {
                chown(&to, Some(uid), Some(gid)).unwrap();
            }
            to.display().to_string()
        };
        server.lines = vec![
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", keep("server.pem", certificates.certificate())),
            format!("ssl_key_file={}", keep("server.key", certificates.key())),
        ];
        server.start_again();
        Some(server)
    }

    fn start_with(programs: &Path, settings: &[&str]) -> Self {
        let data = tempfile::Builder::new().prefix("alphafleet-postgres-").tempdir().unwrap();
        let account = unprivileged();
        if let Some(Account { uid, gid }) = account {
            chown(data.path(), Some(uid), Some(gid)).expect("the cluster's folder");
        }
        run(as_account(Command::new(programs.join("initdb")), account)
            .args(["--auth=trust", "--username=postgres", "--encoding=UTF8", "--locale=C"])
            .arg("--no-sync")
            .arg("-D")
            .arg(data.path().join("cluster")))
        .expect("initdb");
        let port = free_port();
        let url = format!("postgres://postgres@127.0.0.1:{port}/postgres");
        let lines = settings.iter().map(|&line| line.to_owned()).collect();
        let programs = programs.to_owned();
        let mut server = Self { url, port, programs, lines, leash: None, data };
        server.start_again();
        server
    }

    /// Kills the server and its backends.
    pub fn kill(&mut self) {
        self.leash.take().expect("it runs").kill();
    }

    /// Ends the server at once but in an orderly way, as its operator would.
    pub fn stop(&mut self) {
        self.leash.take().expect("it runs").stop(Signal::SIGINT);
    }

    /// Starts the ended server again, on the same port and data.
    pub fn start_again(&mut self) {
        let mut command = Command::new(self.programs.join("postgres"));
        command.arg("-D").arg(self.data.path().join("cluster"));
        command.args(["-h", "127.0.0.1", "-k", "", "-p", &self.port.to_string(), "-N", "400"]);
        for line in &self.lines {
            command.args(["-c", line]);
        }
        let log = self.data.path().join("server.log");
        self.leash = Some(Leash::start(&command, Signal::SIGINT, unprivileged(), &log));
        self.wait_until_ready(&log);
    }

    /// Stops the process that takes connections in; those there are go on.
    pub fn pause(&self) {
        self.leash.as_ref().expect("it runs").signal(Signal::SIGSTOP);
    }

    pub fn resume(&self) {
        self.leash.as_ref().expect("it runs").signal(Signal::SIGCONT);
    }

    fn wait_until_ready(&self, log: &Path) {
        let deadline = Instant::now() + Duration::from_secs(60);
        while let Err(why) = psql(&self.programs, &self.url, "SELECT 1") {
            if Instant::now() > deadline {
                let log = fs::read_to_string(log).unwrap_or_default();
                panic!("PostgreSQL did not start: {why}\n{log}");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
    }
}

/// The folder with `initdb`, `postgres` and `psql`: Debian's newest, or one on the path.
fn programs() -> Option<PathBuf> {
    let mut debian: Vec<(u32, PathBuf)> = fs::read_dir("/usr/lib/postgresql")
        .into_iter()
        .flatten()
        .filter_map(|entry| {
            let entry = entry.ok()?;
            let version = entry.file_name().to_str()?.parse().ok()?;
            Some((version, entry.path().join("bin")))
        })
        .collect();
    debian.sort_unstable();
    let path = std::env::var_os("PATH").unwrap_or_default();
    let on_path: Vec<PathBuf> = std::env::split_paths(&path).collect();
    let complete =
        |folder: &PathBuf| ["initdb", "postgres", "psql"].iter().all(|p| folder.join(p).exists());
    debian.into_iter().rev().map(|(_, folder)| folder).chain(on_path).find(complete)
}

/// PostgreSQL refuses to run as root: the account it runs as instead.
fn unprivileged() -> Option<Account> {
    if fs::metadata("/proc/self").ok()?.uid() != 0 {
        return None;
    }
    let accounts = fs::read_to_string("/etc/passwd").expect("the accounts");
    let find = |name: &str| {
        let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
        let mut fields = line.split(':').skip(2);
        Some(Account { uid: fields.next()?.parse().ok()?, gid: fields.next()?.parse().ok()? })
    };
    Some(find("postgres").or_else(|| find("nobody")).expect("an unprivileged account"))
}

fn as_account(mut command: Command, account: Option<Account>) -> Command {
    if let Some(Account { uid, gid }) = account {
        command.uid(uid).gid(gid);
    }
    command.current_dir("/");
    command
}

fn psql(programs: &Path, url: &str, statement: &str) -> Result<(), String> {
    run(Command::new(programs.join("psql")).args(["-X", "-q", "-d", url, "-c", statement]))
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}
