//! No private server outlives whoever started it.
use std::fs;
use std::io::{BufRead, BufReader};
use std::os::unix::fs::PermissionsExt;
use std::process::{Child, Command, Stdio};

use crate::support::{example, listens, port, until};
use alphafleet_testkit::Services;
use tempfile::TempDir;
use uuid::Uuid;

/// A process with servers of its own, told apart by its environment, which they share.
struct Starter {
    process: Child,
    mark: String,
    /// Where its servers keep their data.
    folder: TempDir,
}

impl Starter {
    fn launch() -> Option<Self> {
        if !Services::are_installed() {
            return None;
        }
        let mark = Uuid::new_v4().to_string();
        let folder = TempDir::new().unwrap();
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o1777)).unwrap();
        let process = Command::new(example("private_services"))
            .env("TMPDIR", folder.path())
            .env("ALPHAFLEET_TEST_MARK", &mark)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the example is built with the tests");
        Some(Self { process, mark, folder })
    }

    /// Waits until they are ready, and says on which ports.
    fn ports(&mut self) -> Vec<u16> {
        let stdout = BufReader::new(self.process.stdout.take().unwrap());
        let lines = stdout.lines().map_while(Result::ok).take_while(|line| line != "ready");
        lines.map(|line| port(&line)).collect()
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }

    /// How many folders its servers left.
    fn folders(&self) -> usize {
        fs::read_dir(self.folder.path()).unwrap().count()
    }

    /// What runs of it and of its servers.
    fn family(&self) -> Vec<String> {
        let processes = fs::read_dir("/proc").unwrap().flatten().map(|entry| entry.path());
        let is_of_it = |environment: &[u8]| {
            environment.windows(self.mark.len()).any(|window| window == self.mark.as_bytes())
        };
        let of_it = processes.filter(|process| {
            fs::read(process.join("environ")).is_ok_and(|environment| is_of_it(&environment))
        });
        of_it.filter_map(|process| fs::read_to_string(process.join("comm")).ok()).collect()
    }

    fn runs(&self, program: &str) -> bool {
        self.family().iter().any(|name| name.trim() == program)
    }
}

#[test]
fn nothing_outlives_a_starter_that_was_killed() {
    let Some(mut starter) = Starter::launch() else { return };
    let ports = starter.ports();
    assert_eq!(ports.len(), 3);
    assert!(ports.iter().all(|&port| listens(port)));
    assert!(starter.runs("epmd"));
    assert_eq!(starter.folders(), 3);
    starter.kill();
    until("a service lives on", || !ports.iter().any(|&port| listens(port)));
    until("a process lives on", || starter.family().is_empty());
    assert_eq!(starter.folders(), 0);
}

#[test]
fn nothing_outlives_a_starter_that_was_killed_while_starting() {
    let Some(mut starter) = Starter::launch() else { return };
    // Erlang is at its own start now, which would include a port mapper.
    until("RabbitMQ does not start", || starter.runs("beam.smp"));
    starter.kill();
    until("a process lives on", || starter.family().is_empty());
}

#[test]
fn nothing_outlives_a_starter_whose_input_is_closed() {
    let Some(mut starter) = Starter::launch() else { return };
    let ports = starter.ports();
    drop(starter.process.stdin.take());
    assert!(starter.process.wait().unwrap().success());
    assert!(!ports.iter().any(|&port| listens(port)));
    assert_eq!(starter.family(), Vec::<String>::new());
    assert_eq!(starter.folders(), 0);
}
