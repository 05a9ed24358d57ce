//! PostgreSQL, RabbitMQ and Redis of one's own on loopback ports, from `start` to `stop`.
//!
//! `services start|status|stop FOLDER`: their data, ports and passwords stay in FOLDER. `start` and
//! `status` print where they are as shell assignments.

mod keeper;

use std::error::Error;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};

use keeper::Keeper;

type Outcome = Result<ExitCode, Box<dyn Error>>;

const DEADLINE: Duration = Duration::from_secs(120);

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let outcome = match arguments.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["start", folder] => start(Path::new(folder)),
        ["status", folder] => status(Path::new(folder)),
        ["stop", folder] => stop(Path::new(folder)),
        // What `start` leaves behind.
        ["keep", folder] => keeper::keep(Path::new(folder)),
        _ => {
            eprintln!("usage: services start|status|stop FOLDER");
            Ok(ExitCode::from(2))
        }
    };
    outcome.unwrap_or_else(|error| {
        eprintln!("{}", told(&*error));
        ExitCode::FAILURE
    })
}

fn start(folder: &Path) -> Outcome {
    // Everybody may pass through, e.g. PostgreSQL under another account, but nobody look around.
    DirBuilder::new().recursive(true).mode(0o711).create(folder)?;
    let folder = folder.canonicalize()?;
    let deadline = Instant::now() + DEADLINE;
    while Instant::now() < deadline {
        match Keeper::running(&folder) {
            None => launch(&folder)?,
            Some(_) if show(&folder).is_ok() => return Ok(ExitCode::SUCCESS),
            // Somebody else is starting them.
            Some(_) => std::thread::sleep(Duration::from_millis(100)),
        }
    }
    Err("the services did not start in time".into())
}

fn status(folder: &Path) -> Outcome {
    if Keeper::running(folder).is_some() && show(folder).is_ok() {
        return Ok(ExitCode::SUCCESS);
    }
    eprintln!("the services do not run");
    Ok(ExitCode::FAILURE)
}

fn stop(folder: &Path) -> Outcome {
    let Some(keeper) = Keeper::running(folder) else {
        eprintln!("the services do not run");
        return Ok(ExitCode::SUCCESS);
    };
    keeper.terminate()?;
    let deadline = Instant::now() + DEADLINE;
    while keeper.lives() {
        if Instant::now() > deadline {
            return Err("the services did not end in time".into());
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    Ok(ExitCode::SUCCESS)
}

/// Starts a process that goes on without this one, and waits until the services are ready.
fn launch(folder: &Path) -> Result<(), Box<dyn Error>> {
    let log = folder.join("services.log");
    let mut keeper = Command::new(std::env::current_exe()?)
        .arg("keep")
        .arg(folder)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(private(&log)?)
        .spawn()?;
    let mut said = String::new();
    if let Some(stdout) = keeper.stdout.take() {
        BufReader::new(stdout).read_line(&mut said)?;
    }
    match said.trim() {
        "ready" | "started by another" => Ok(()),
        _ => Err(fs::read_to_string(&log)?.trim().to_owned().into()),
    }
}

fn show(folder: &Path) -> std::io::Result<()> {
    let text = fs::read_to_string(environment(folder))?;
    std::io::stdout().write_all(text.as_bytes())
}

/// The file that says where running services are.
fn environment(folder: &Path) -> PathBuf {
    folder.join("environment")
}

/// A fresh file that nobody else can read.
fn private(path: &Path) -> std::io::Result<File> {
    OpenOptions::new().create(true).write(true).truncate(true).mode(0o600).open(path)
}

/// An error with its causes.
fn told(error: &dyn Error) -> String {
    let causes = std::iter::successors(Some(error), |&error| error.source());
    causes.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}
