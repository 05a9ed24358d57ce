//! A private PostgreSQL for tests, and a fresh database in it for each of them.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::{Arc, Mutex, Weak};

use nix::sys::signal::Signal;
use uuid::Uuid;

use crate::account::Account;
use crate::folder::{Folder, write_private};
use crate::installed::missing;
use crate::leash::{Leash, Leashed};
use crate::port::Port;
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
    port: Port,
    programs: PathBuf,
    settings: Vec<String>,
    leash: Option<Leash>,
    data: Folder,
}

impl Server {
    /// Starts a server of one's own; `None` where PostgreSQL is not installed.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// Starts with further settings, e.g. `lock_timeout=1s`.
    pub fn start_with(settings: &[&str]) -> Option<Self> {
        let Some(programs) = programs() else {
            missing("PostgreSQL", "postgresql");
            return None;
        };
        Some(Self::temporary(&programs, settings))
    }

    /// This process's server, started by whoever comes first.
    fn shared(programs: &Path) -> Arc<Self> {
        static SHARED: Mutex<Weak<Server>> = Mutex::new(Weak::new());
        let mut shared = SHARED.lock().unwrap_or_else(|poison| poison.into_inner());
        shared.upgrade().unwrap_or_else(|| {
            let server = Arc::new(Self::temporary(programs, &[]));
            *shared = Arc::downgrade(&server);
            server
        })
    }

    /// Starts a server that also speaks TLS with these certificates.
    pub fn start_with_tls(certificates: &Certificates) -> Option<Self> {
        let mut server = Self::start()?;
        server.stop();
        let keep = |name: &str, from: PathBuf| {
            // Its key has to be its own and private.
            let to = server.data.path().join(name);
            fs::copy(from, &to).unwrap();
            fs::set_permissions(&to, fs::Permissions::from_mode(0o600)).unwrap();
            Account::give(Account::unprivileged(), &to);
            to.display().to_string()
        };
        server.settings = vec![
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", keep("server.pem", certificates.certificate())),
            format!("ssl_key_file={}", keep("server.key", certificates.key())),
        ];
        server.start_again();
        Some(server)
    }

    fn temporary(programs: &Path, settings: &[&str]) -> Self {
        let data = Folder::temporary("postgres");
        Account::give(Account::unprivileged(), data.path());
        let port = Port::claim();
        let url = format!("postgres://postgres@127.0.0.1:{}/postgres", port.number());
        let settings = settings.iter().map(|&line| line.to_owned()).collect();
        let programs = programs.to_owned();
        let mut server = Self { url, port, programs, settings, leash: None, data };
        let cluster = server.cluster();
        server.initialise(&cluster, &["--auth=trust", "--username=postgres", "--no-sync"]);
        server.start_again();
        server
    }

    /// Starts a server whose data stays in `folder`, with the role and database `alphafleet`.
    pub(crate) fn keep(folder: &Path, port: u16, password: &str) -> std::io::Result<Self> {
        let programs = programs().expect("PostgreSQL");
        let account = Account::unprivileged();
        let data = Folder::kept(&Account::within_reach(account, folder)?)?;
        Account::give(account, data.path());
        let place = format!("postgres://alphafleet:{password}@127.0.0.1:{port}");
        let (url, port, settings) = (format!("{place}/postgres"), Port::chosen(port), Vec::new());
        let mut server = Self { url, port, programs, settings, leash: None, data };
        if !server.cluster().exists() {
            server.initialise_with(password)?;
        }
        server.start_again();
        let maintenance = std::mem::replace(&mut server.url, format!("{place}/alphafleet"));
        if server.run("SELECT 1").is_err() {
            psql(&server.programs, &maintenance, "CREATE DATABASE alphafleet").expect("a database");
        }
        Ok(server)
    }

    /// Runs one statement.
    pub fn run(&self, statement: &str) -> Result<(), String> {
        psql(&self.programs, &self.url, statement)
    }

    pub const fn port(&self) -> u16 {
        self.port.number()
    }

    pub fn is_alive(&self) -> bool {
        self.leash.as_ref().is_some_and(Leash::is_alive)
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
        command.arg("-D").arg(self.cluster());
        command.args(["-h", "127.0.0.1", "-k", "", "-p", &self.port().to_string(), "-N", "400"]);
        for setting in &self.settings {
            command.args(["-c", setting]);
        }
        let leash = self.leash(&command, Signal::SIGINT);
        leash.until_ready(|| self.run("SELECT 1").is_ok());
        self.leash = Some(leash);
    }

    /// Stops the server with its backends: nobody is answered until [`Server::resume`].
    pub fn pause(&self) {
        self.leash.as_ref().expect("it runs").pause();
    }

    pub fn resume(&self) {
        self.leash.as_ref().expect("it runs").resume();
    }

    fn cluster(&self) -> PathBuf {
        self.data.path().join("cluster")
    }

    fn initialise(&self, cluster: &Path, arguments: &[&str]) {
        let mut initdb = Command::new(self.programs.join("initdb"));
        initdb.args(["--encoding=UTF8", "--locale=C"]).args(arguments).arg("-D").arg(cluster);
        self.leash(&initdb, Signal::SIGTERM).until_ended();
    }

    fn leash(&self, command: &Command, ending: Signal) -> Leash {
        let log = self.data.path().join("server.log");
        let account = Account::unprivileged();
        let temporary = self.data.if_temporary();
        Leash::start(&Leashed { command, ending, account, log: &log, temporary })
    }

    /// A cluster that asks for the password, whole or not at all.
    fn initialise_with(&self, password: &str) -> std::io::Result<()> {
        let (file, cluster) = (self.data.path().join("password"), self.data.path().join("initial"));
        write_private(&file, password)?;
        Account::give(Account::unprivileged(), &file);
        if cluster.exists() {
            fs::remove_dir_all(&cluster)?;
        }
        let from = format!("--pwfile={}", file.display());
        self.initialise(&cluster, &["--auth=scram-sha-256", "--username=alphafleet", &from]);
        fs::rename(cluster, self.cluster())?;
        fs::remove_file(file)
    }
}

pub(crate) fn is_installed() -> bool {
    programs().is_some()
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

fn psql(programs: &Path, url: &str, statement: &str) -> Result<(), String> {
    // Arguments are for everybody to see, the environment is not.
    let (url, password) = without_password(url);
    let mut command = Command::new(programs.join("psql"));
    if let Some(password) = password {
        command.env("PGPASSWORD", password);
    }
    run(command.args(["-X", "-q", "-d", &url, "-c", statement]))
}

fn run(command: &mut Command) -> Result<(), String> {
    let output = command.stdin(Stdio::null()).output().map_err(|error| error.to_string())?;
    match output.status.success() {
        true => Ok(()),
        false => Err(String::from_utf8_lossy(&output.stderr).into_owned()),
    }
}

/// libpq decodes what is encoded in a URL alone: such a password stays there.
fn without_password(url: &str) -> (String, Option<&str>) {
    let parts = url.split_once("://").and_then(|(scheme, rest)| {
        let (authority, path) = rest.split_at(rest.find(['/', '?']).unwrap_or(rest.len()));
        let (credentials, server) = authority.rsplit_once('@')?;
        let (user, password) = credentials.split_once(':')?;
        let stripped = format!("{scheme}://{user}@{server}{path}");
        (!password.contains('%')).then_some((stripped, Some(password)))
    });
    parts.unwrap_or_else(|| (url.to_owned(), None))
}

#[cfg(test)]
mod tests {
    use super::without_password;

    #[test]
    fn a_password_is_taken_out_of_a_url() {
        let (url, password) = without_password("postgres://me:secret@localhost:5432/db?a=b");
        assert_eq!(
            (url.as_str(), password),
            ("postgres://me@localhost:5432/db?a=b", Some("secret"))
        );
        for url in [
            "postgres://me@localhost/db",
            "postgres://localhost:5432/db?application_name=a@b",
            "postgres://me:se%40cret@localhost",
        ] {
            assert_eq!(without_password(url), (url.to_owned(), None));
        }
    }
}
