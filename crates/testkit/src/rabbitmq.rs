//! A private RabbitMQ for tests.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Arc, Mutex, Weak};
use std::time::Duration;

use nix::sys::signal::Signal;

use crate::folder::Folder;
use crate::installed::{missing, program};
use crate::leash::{Leash, Leashed};
use crate::port::Port;

/// URL of a running server. Without it each test process starts one.
pub const URL_VARIABLE: &str = "ALPHAFLEET_TEST_RABBITMQ_URL";

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

/// `None`, with a word on the terminal, where RabbitMQ is not installed; a panic if that happens
/// in continuous integration (`CI=true`).
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

/// A server on free loopback ports with its data in a temporary folder. Ended when dropped, its
/// port mapper with it.
pub struct Server {
    url: String,
    ports: Ports,
    lines: Vec<String>,
    /// What ends it with its starter.
    ending: Signal,
    leash: Option<Leash>,
    /// Erlang's port mapper, private to this server.
    mapper: Option<Leash>,
    data: Folder,
}

pub(crate) struct Ports {
    pub amqp: Port,
    pub distribution: Port,
    pub mapper: Port,
}

impl Server {
    /// Starts a server of one's own; `None` where RabbitMQ is not installed.
    pub fn start() -> Option<Self> {
        Self::start_with(&[])
    }

    /// Starts with further lines of configuration, e.g. `consumer_timeout = 5000`.
    pub fn start_with(lines: &[&str]) -> Option<Self> {
        if !is_installed() {
            missing("RabbitMQ", "rabbitmq-server");
            return None;
        }
        let data = Folder::temporary("rabbitmq");
        let ports =
            Ports { amqp: Port::claim(), distribution: Port::claim(), mapper: Port::claim() };
        let url = format!("amqp://guest:guest@127.0.0.1:{}", ports.amqp.number());
        let lines = lines.iter().map(|&line| line.to_owned()).collect();
        let ending = Signal::SIGKILL;
        let mut server = Self { url, ports, lines, ending, leash: None, mapper: None, data };
        server.start_again();
        Some(server)
    }

    /// Starts a server whose data stays in `folder`, with the user `alphafleet` alone.
    pub(crate) fn keep(folder: &Path, ports: Ports, password: &str) -> std::io::Result<Self> {
        let data = Folder::kept(folder)?;
        let url = format!("amqp://alphafleet:{password}@127.0.0.1:{}", ports.amqp.number());
        let lines =
            vec!["default_user = alphafleet".to_owned(), format!("default_pass = {password}")];
        let ending = Signal::SIGTERM;
        let mut server = Self { url, ports, lines, ending, leash: None, mapper: None, data };
        server.start_again();
        Ok(server)
    }

    /// With the user `guest`, on the virtual host `/`.
    pub fn url(&self) -> &str {
        &self.url
    }

    pub const fn port(&self) -> u16 {
        self.ports.amqp.number()
    }

    pub fn is_alive(&self) -> bool {
        self.leash.as_ref().is_some_and(Leash::is_alive)
    }

    /// Kills the server.
    pub fn kill(&mut self) {
        self.leash.take().expect("it runs").kill();
        self.mapper = None;
    }

    /// Ends the server in an orderly way.
    pub fn stop(&mut self) {
        self.leash.take().expect("it runs").stop(Signal::SIGTERM);
        self.mapper = None;
    }

    /// Starts the ended server again, on the same ports and data.
    pub fn start_again(&mut self) {
        let (folder, port) = (self.data.path(), self.port());
        let mut configuration = format!(
            "listeners.tcp.1 = 127.0.0.1:{port}\nloopback_users = none\nlog.file.level = warning\n"
        );
        self.lines.iter().for_each(|line| configuration += &format!("{line}\n"));
        std::fs::write(folder.join("rabbitmq.conf"), configuration).unwrap();
        std::fs::write(folder.join("enabled_plugins"), "[].\n").unwrap();
        // What the machine's own server is told is none of ours.
        std::fs::write(folder.join("advanced.config"), "[].\n").unwrap();
        std::fs::write(folder.join("environment"), "").unwrap();
        let mut mapper = self.command(&program("epmd").expect("Erlang's epmd"));
        let mapped = self.ports.mapper.number();
        mapper.args(["-port", &mapped.to_string(), "-address", "127.0.0.1"]);
        let mapper = self.leash(&mapper, Signal::SIGKILL);
        mapper.until_ready(|| TcpStream::connect(("127.0.0.1", mapped)).is_ok());
        let server = self.command(&server_program().expect("RabbitMQ"));
        let leash = self.leash(&server, self.ending);
        // It opens its listeners one after the other, the plain one first.
        let listening = |address: &str| TcpStream::connect(address).is_ok();
        leash.until_ready(|| answers(port) && self.further_listeners().all(listening));
        (self.leash, self.mapper) = (Some(leash), Some(mapper));
    }

    /// Starts the ended server again without its data.
    pub fn wipe_and_start_again(&mut self) {
        std::fs::remove_dir_all(self.data.path().join("mnesia")).unwrap();
        self.start_again();
    }

    /// Stops the process; it answers nobody until [`Server::resume`].
    pub fn pause(&self) {
        self.leash.as_ref().expect("it runs").pause();
    }

    pub fn resume(&self) {
        self.leash.as_ref().expect("it runs").resume();
    }

    /// Addresses that the further lines have it listen on.
    fn further_listeners(&self) -> impl Iterator<Item = &str> {
        let lines = self.lines.iter().filter_map(|line| line.split_once('='));
        lines.filter(|(name, _)| name.starts_with("listeners.")).map(|(_, address)| address.trim())
    }

    fn leash(&self, command: &Command, ending: Signal) -> Leash {
        let log = self.data.path().join("server.log");
        let temporary = self.data.if_temporary();
        Leash::start(&Leashed { command, ending, account: None, log: &log, temporary })
    }

    fn command(&self, program: &Path) -> Command {
        let folder = self.data.path();
        let mut command = Command::new(program);
        command
            .env("HOME", folder)
            .env("LANG", "C.UTF-8")
            .env("ERL_EPMD_PORT", self.ports.mapper.number().to_string())
            .env("ERL_EPMD_ADDRESS", "127.0.0.1")
            // Nobody would end a mapper that Erlang starts.
            .env("ERL_ZFLAGS", "-start_epmd false")
            .env("RABBITMQ_MNESIA_BASE", folder.join("mnesia"))
            .env("RABBITMQ_LOG_BASE", folder.join("log"))
            .env("RABBITMQ_NODENAME", format!("rabbit{}@localhost", self.port()))
            .env("RABBITMQ_DIST_PORT", self.ports.distribution.number().to_string())
            .env("RABBITMQ_CONFIG_FILE", folder.join("rabbitmq"))
            .env("RABBITMQ_ADVANCED_CONFIG_FILE", folder.join("advanced.config"))
            .env("RABBITMQ_CONF_ENV_FILE", folder.join("environment"))
            .env("RABBITMQ_ENABLED_PLUGINS_FILE", folder.join("enabled_plugins"))
            .env("RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS", ERLANG)
            // The script then becomes the server instead of its parent.
            .env("RABBITMQ_ALLOW_INPUT", "1");
        command
    }
}

pub(crate) fn is_installed() -> bool {
    server_program().is_some()
}

/// A channel looks once a second, not once a minute, whether its consumer is late. An idle
/// scheduler sleeps at once: whoever is tested needs the processor more.
const ERLANG: &str = "-noinput -kernel inet_dist_use_interface {127,0,0,1} \
    -rabbit channel_tick_interval 1000 +sbwt none +sbwtdcpu none +sbwtdio none";

impl Drop for Server {
    /// The server first: without its mapper it would complain at length.
    fn drop(&mut self) {
        self.leash = None;
        self.mapper = None;
    }
}

/// The server itself: Debian's wrapper of that name on the path would change the account.
fn server_program() -> Option<PathBuf> {
    let debian = Path::new("/usr/lib/rabbitmq/bin/rabbitmq-server");
    if debian.is_file() { Some(debian.to_owned()) } else { program("rabbitmq-server") }
}

/// Whether a server takes up the protocol.
fn answers(port: u16) -> bool {
    let Ok(mut stream) = TcpStream::connect(("127.0.0.1", port)) else { return false };
    stream.set_read_timeout(Some(Duration::from_secs(2))).unwrap();
    let mut answer = [0; 1];
    // A method frame on channel 0 is the answer to the protocol's header.
    stream.write_all(b"AMQP\0\0\x09\x01").is_ok()
        && stream.read_exact(&mut answer).is_ok()
        && answer == [1]
}
