use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use tempfile::TempDir;

use crate::{Client, eventually, is_alive, kill_9};

/// The `alphafleet` binary beside this test.
pub fn binary() -> PathBuf {
    program("alphafleet")
}

/// A binary of the workspace beside this test.
pub(crate) fn program(name: &str) -> PathBuf {
    // A test lies one folder below the binaries, a benchmark beside them.
    let this = std::env::current_exe().unwrap();
    let folders = this.ancestors().skip(1).take(2);
    let mut binaries = folders.map(|folder| folder.join(name));
    let binary = binaries.find(|binary| binary.is_file()).unwrap_or_else(|| this.join(name));
    assert!(
        binary.is_file(),
        "{} is missing: build it first, as scripts/test does",
        binary.display()
    );
    binary
}

/// Real market data and references, beside the project. Fails when they must be there and are not.
pub fn shared_folder() -> Option<PathBuf> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../shared");
    if folder.is_dir() {
        return Some(folder);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is missing", folder.display());
    eprintln!("skipped: {} is missing", folder.display());
    None
}

/// A running `alphafleet standalone`. It ends with the test, and its folder goes.
pub struct Fleet {
    process: Child,
    pub url: String,
    folder: TempDir,
    settings: Vec<(String, String)>,
}

impl Fleet {
    pub const ADMIN: (&'static str, &'static str) = ("admin", "correct horse battery");

    /// Starts in a fresh folder with settings of the form `("WORKER__TRAINING_SLOTS", "1")`.
    pub async fn start(settings: &[(&str, &str)]) -> (Self, Client) {
        let folder = tempfile::tempdir().unwrap();
        let own = |&(name, value): &(&str, &str)| (name.to_owned(), value.to_owned());
        let settings: Vec<_> = settings.iter().map(own).collect();
        let (process, url) = spawn(folder.path(), &settings);
        let fleet = Self { process, url, folder, settings };
        let token = std::fs::read_to_string(fleet.data_dir().join("setup-token")).unwrap();
        let client = Client::setup(&fleet.url, Self::ADMIN, token.trim()).await;
        (fleet, client)
    }

    pub fn data_dir(&self) -> &Path {
        self.folder.path()
    }

    pub fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Ends the whole process without warning and starts another on the same folder.
    pub async fn crash_and_restart(&mut self) -> Client {
        let children = crate::children_of(self.pid());
        kill_9(self.pid());
        self.process.wait().unwrap();
        eventually("the children's end", Duration::from_secs(10), async || {
            (!children.iter().any(|&pid| is_alive(pid))).then_some(())
        })
        .await;
        self.restart().await
    }

    /// Starts again on the same folder after the process has ended.
    pub async fn restart(&mut self) -> Client {
        let (process, url) = spawn(self.folder.path(), &self.settings);
        (self.process, self.url) = (process, url);
        Client::log_in(&self.url, Self::ADMIN).await
    }

    /// Asks for an orderly end and answers whether there was one.
    pub fn stop(&mut self) -> bool {
        let pid = nix::unistd::Pid::from_raw(self.pid().try_into().unwrap());
        nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGTERM).unwrap();
        self.process.wait().unwrap().success()
    }
}

impl Drop for Fleet {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn spawn(folder: &Path, settings: &[(String, String)]) -> (Child, String) {
    let mut command = Command::new(binary());
    command.args(["standalone", "--listen", "127.0.0.1:0", "--log", "warn", "--data-dir"]);
    command.arg(folder).stderr(Stdio::piped()).stdin(Stdio::null());
    for (name, value) in settings {
        command.env(format!("ALPHAFLEET__{name}"), value);
    }
    let mut process = command.spawn().unwrap();
    let mut lines = BufReader::new(process.stderr.take().unwrap()).lines();
    let url = loop {
        let line = lines.next().expect("the fleet says where it serves").unwrap();
        if let Some(url) = line.strip_prefix("alphafleet serves ") {
            break url.to_owned();
        }
        eprintln!("{line}");
    };
    // Somebody has to read on, else the process would block on a full pipe.
    std::thread::spawn(move || lines.map_while(Result::ok).for_each(|line| eprintln!("{line}")));
    (process, url)
}
