//! Services of one's own run from start to stop, and keep their data until the next start.
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use crate::support::{example, leave_message, listens, port, redis_says, take_message, until};
use alphafleet_testkit::{Services, started_at};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use tempfile::TempDir;

/// Where they keep their data. Whatever runs there ends with this value.
struct Place(TempDir);

impl Place {
    fn fresh() -> Option<Self> {
        if !Services::are_installed() {
            return None;
        }
        let folder = TempDir::new().unwrap();
        // Where root starts PostgreSQL, another account has to get through.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o711)).unwrap();
        Some(Self(folder))
    }

    fn folder(&self) -> PathBuf {
        self.0.path().join("services")
    }

    fn services(&self, verb: &str) -> Output {
        let example = example("services");
        Command::new(example).arg(verb).arg(self.folder()).output().expect("the example is built")
    }

    /// The three URLs that a verb prints.
    fn urls(&self, verb: &str) -> [String; 3] {
        let output = self.services(verb);
        let (said, complained) = (text(&output.stdout), text(&output.stderr));
        assert!(output.status.success(), "{said}\n{complained}");
        let names = ["DATABASE_URL", "BROKER_URL", "EVENTS_URL"];
        names.map(|name| {
            let start = format!("export {name}=");
            said.lines().find_map(|line| line.strip_prefix(&start)).unwrap().to_owned()
        })
    }

    fn ports(&self) -> Vec<u16> {
        let chosen = fs::read(self.folder().join("chosen.json")).unwrap();
        let chosen: serde_json::Value = serde_json::from_slice(&chosen).unwrap();
        let numbers = chosen.as_object().unwrap().values().filter_map(|value| value.as_u64());
        numbers.map(|number| u16::try_from(number).unwrap()).collect()
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        self.services("stop");
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

fn psql(url: &str, statement: &str) -> String {
    let output = Command::new("psql").args(["-XAtc", statement, url]).output().unwrap();
    assert!(output.status.success(), "{}", text(&output.stderr));
    text(&output.stdout)
}

fn mode(path: &Path) -> u32 {
    fs::metadata(path).unwrap().permissions().mode() & 0o777
}

#[tokio::test]
async fn services_run_until_they_are_stopped_and_keep_their_data() {
    let Some(place) = Place::fresh() else { return };
    assert_eq!(place.services("status").status.code(), Some(1));
    let urls = place.urls("start");
    let [database, broker, events] = &urls;
    psql(database, "CREATE TABLE kept AS SELECT 42 AS number");
    leave_message(broker, b"kept").await;
    assert!(redis_says(events, "SET name kept").starts_with("+OK"));

    assert_eq!(place.urls("start"), urls, "a second start is harmless");
    assert_eq!(place.urls("status"), urls);
    assert_eq!(mode(&place.folder().join("environment")), 0o600);
    assert_eq!(mode(&place.folder().join("chosen.json")), 0o600);
    let ports = place.ports();
    assert_eq!(ports.len(), 5);
    assert!(ports.iter().all(|&port| listens(port)));

    assert!(place.services("stop").status.success());
    assert!(!ports.iter().any(|&port| listens(port)));
    assert!(place.services("stop").status.success(), "a second stop is harmless");

    assert_eq!(place.urls("start"), urls);
    assert_eq!(psql(database, "SELECT number FROM kept"), "42\n");
    assert_eq!(take_message(broker).await.unwrap(), b"kept");
    assert!(redis_says(events, "GET name").contains("kept"));
}

#[test]
fn services_that_were_killed_start_again() {
    let Some(place) = Place::fresh() else { return };
    let [database, ..] = place.urls("start");
    psql(&database, "CREATE TABLE kept AS SELECT 42 AS number");
    let record = fs::read_to_string(place.folder().join("pid")).unwrap();
    let (pid, _) = record.trim().split_once(' ').unwrap();
    let pid = Pid::from_raw(pid.parse().unwrap());
    kill(pid, Signal::SIGKILL).unwrap();
    until("it lives on", || started_at(pid).is_none());
    assert_eq!(place.services("status").status.code(), Some(1));

    let [database, ..] = place.urls("start");
    assert_eq!(psql(&database, "SELECT number FROM kept"), "42\n");
    assert!(place.services("stop").status.success());

    // A pid that by now is another process's, here this test's, is left alone.
    fs::write(place.folder().join("pid"), format!("{} 1\n", Pid::this())).unwrap();
    assert!(place.services("stop").status.success());
    assert!(!place.ports().iter().any(|&port| listens(port)));
}

#[test]
fn a_port_that_another_program_took_is_named() {
    let Some(place) = Place::fresh() else { return };
    let [_, _, events] = place.urls("start");
    assert!(place.services("stop").status.success());
    let port = port(&events);
    let _taken = std::net::TcpListener::bind(("127.0.0.1", port)).unwrap();
    let refused = place.services("start");
    assert!(!refused.status.success());
    assert!(text(&refused.stderr).contains(&port.to_string()), "{}", text(&refused.stderr));
}
