use std::ffi::OsString;
use std::io::{BufRead, BufReader, Lines, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use alphafleet_testkit::rabbitmq;
use serde_json::{Value, json};

use crate::measurement::Measurement;
use crate::turns::Figures;

/// Where the peers' Python environments are, if they take part.
fn environments() -> Option<OsString> {
    std::env::var_os("ALPHAFLEET_BENCH_PEERS")
}

fn python(environment: &str, script: &str) -> Option<Command> {
    let python = Path::new(&environments()?).join(environment).join("bin/python");
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("../scripts").join(script);
    let mut command = Command::new(python);
    // The scripts' folder stays as it is.
    command.arg(script).env("PYTHONDONTWRITEBYTECODE", "1");
    Some(command)
}

/// A process that does the peer's work once for every line it is sent.
pub struct Peer {
    name: String,
    process: Child,
    ask: Option<ChildStdin>,
    answers: Lines<BufReader<ChildStdout>>,
    turns: usize,
}

/// A script of a peer, and what of it.
#[derive(Clone, Copy)]
pub struct Script<'a> {
    pub environment: &'a str,
    pub file: &'a str,
    pub work: &'a str,
}

impl Peer {
    /// Starts a peer on a market and waits until it is ready; `None` if no peer takes part. The
    /// parameters are its first line: a command line would be too short for a sweep's.
    pub fn start(script: Script<'_>, market: &Path, parameters: &Value) -> Option<Self> {
        let mut process = python(script.environment, script.file)?
            .arg(script.work)
            .arg(market)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("the environment {}: {error}", script.environment));
        let answers = BufReader::new(process.stdout.take().unwrap()).lines();
        let name = format!("{} {}", script.file, script.work);
        let mut ask = process.stdin.take().unwrap();
        writeln!(ask, "{parameters}").unwrap();
        let ask = Some(ask);
        let mut peer = Self { name, process, ask, answers, turns: usize::MAX };
        peer.answer();
        Some(peer)
    }

    /// Takes part in so many turns only.
    pub fn at_most(mut self, turns: usize) -> Self {
        self.turns = turns;
        self
    }

    /// One turn, if it has not had all.
    pub fn turn(&mut self) -> Option<Figures> {
        self.turns = self.turns.checked_sub(1)?;
        writeln!(self.ask.as_mut().unwrap()).unwrap();
        Some(self.answer())
    }

    fn answer(&mut self) -> Figures {
        let Some(line) = self.answers.next() else { panic!("{} ended: see above", self.name) };
        serde_json::from_str(&line.unwrap()).expect("figures as JSON")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.ask.take());
        // Whether it ends well no longer matters.
        let _ = self.process.wait();
    }
}

/// Celery on the same RabbitMQ, if peers take part.
pub fn celery(what: &str, broker: &rabbitmq::Server, unit: &'static str) -> Vec<Measurement> {
    let Some(mut command) = python("celery", "bench-celery.py") else { return Vec::new() };
    let ran = command.args([what, broker.url()]).output().unwrap();
    assert!(ran.status.success(), "{}", String::from_utf8_lossy(&ran.stderr));
    let figures: Figures = serde_json::from_slice(&ran.stdout).expect("figures as JSON");
    let figure = |(name, values): (String, Vec<f64>)| {
        Measurement::new(&format!("celery {name}"), unit, values, json!({ "celery": what }))
    };
    figures.into_iter().map(figure).collect()
}
