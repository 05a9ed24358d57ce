//! What the children of these tests can be told to do.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::Command;
use std::thread;
use std::time::Duration;

use alphafleet_domain::ArtifactKind;
use alphafleet_domain::job::{FailureCode, JobKind, LogLevel, Progress};
use alphafleet_worker::child::{
    Assignment, Completed, Context, Handler, HandlerError, OutputFile, Stop,
};
use nix::sys::signal::{SigHandler, Signal, raise, signal};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Script {
    Echo(Value),
    /// On the first attempt only.
    Signal(i32),
    Exit(i32),
    Panic(String),
    Fail {
        message: String,
        retryable: bool,
    },
    /// So many stages, and metrics in each.
    Emit {
        stages: u64,
        points: u64,
    },
    /// Prints to standard output in every way a library may.
    Print,
    /// A result of so many bytes.
    Result(usize),
    File {
        name: String,
        path: Option<PathBuf>,
        content: String,
    },
    /// Writes `pid` files, starts a grandchild, and ignores whatever it is told.
    Stubborn {
        pids: PathBuf,
    },
    /// Works until told to stop, then hands over a checkpoint.
    Polite {
        pids: PathBuf,
    },
    /// Counts to 40 with a checkpoint every ten; the first attempt hangs at 25.
    Count {
        pids: PathBuf,
    },
    Allocate(usize),
    /// Waits for a file to appear.
    Until {
        started: PathBuf,
        go: PathBuf,
    },
}

pub struct Scripted;

impl Handler for Scripted {
    fn kind(&self) -> JobKind {
        JobKind::Probe
    }

    fn run(&self, assignment: &Assignment, ctx: &Context) -> Result<Completed, HandlerError> {
        let script: Script = serde_json::from_value(assignment.spec.clone()).unwrap();
        let result = match script {
            Script::Echo(value) => value,
            Script::Signal(number) => {
                if assignment.attempt == 1 {
                    eprintln!("about to be hit");
                    raise(Signal::try_from(number).unwrap()).unwrap();
                }
                json!({"attempt": assignment.attempt})
            }
            Script::Exit(code) => {
                eprintln!("nothing works any more");
                std::process::exit(code)
            }
            Script::Panic(message) => panic!("{message}"),
            Script::Fail { message, retryable: true } => {
                return Err(HandlerError::retryable(FailureCode::HandlerError, message));
            }
            Script::Fail { message, retryable: false } => {
                return Err(HandlerError::permanent(FailureCode::InvalidData, message));
            }
            Script::Emit { stages, points } => emit(ctx, stages, points),
            Script::Print => print(ctx),
            Script::Result(bytes) => Value::String("x".repeat(bytes)),
            Script::File { name, path, content } => {
                return Ok(file(assignment, name, path, &content));
            }
            Script::Stubborn { pids } => be_stubborn(&pids),
            Script::Polite { pids } => return be_polite(assignment, ctx, &pids),
            Script::Count { pids } => return count(assignment, ctx, &pids),
            Script::Allocate(bytes) => {
                let block = vec![1_u8; bytes];
                json!(block.iter().map(|&byte| u64::from(byte)).sum::<u64>())
            }
            Script::Until { started, go } => {
                fs::create_dir_all(&started).unwrap();
                fs::write(started.join(assignment.job.to_string()), b"").unwrap();
                while !go.exists() {
                    ctx.check()?;
                    pause();
                }
                json!(std::process::id())
            }
        };
        Ok(Completed { result, ..Completed::default() })
    }
}

fn pause() {
    thread::sleep(Duration::from_millis(5));
}

fn emit(ctx: &Context, stages: u64, points: u64) -> Value {
    for stage in 0..stages {
        ctx.stage(&format!("stage-{stage}"), 100.0 * stage as f64 / stages as f64);
        for step in stage * points..(stage + 1) * points {
            ctx.metric("loss", step, 1.0 / (step + 1) as f64);
            ctx.progress(Progress {
                stage: format!("stage-{stage}"),
                percent: 1.0,
                ..Progress::default()
            });
        }
    }
    ctx.metric("odd", 7, f64::NAN);
    Value::Null
}

fn print(ctx: &Context) -> Value {
    println!("{{\"frame\": \"completed\"}}");
    print!("no end of line");
    std::io::stdout().flush().unwrap();
    assert!(Command::new("echo").arg("said by another process").status().unwrap().success());
    ctx.log(LogLevel::Warn, "said properly");
    json!("heard")
}

fn file(assignment: &Assignment, name: String, path: Option<PathBuf>, content: &str) -> Completed {
    let path = path.unwrap_or_else(|| {
        let path = assignment.scratch_folder().unwrap().join(&name);
        fs::write(&path, content).unwrap();
        path
    });
    let files = vec![OutputFile::new(ArtifactKind::Other, name, path)];
    Completed { files, ..Completed::default() }
}

/// Written whole at once, so that a reader never sees half a file.
fn tell_pids(folder: &std::path::Path, pids: &[u32]) {
    fs::create_dir_all(folder).unwrap();
    let text: Vec<String> = pids.iter().map(u32::to_string).collect();
    fs::write(folder.join(".new"), text.join("\n")).unwrap();
    fs::rename(folder.join(".new"), folder.join("pids")).unwrap();
}

// The grandchild is meant to be left alone.
#[allow(unsafe_code, clippy::zombie_processes)]
fn be_stubborn(pids: &std::path::Path) -> ! {
    // SAFETY: ignoring a signal runs no code of ours.
    unsafe { signal(Signal::SIGTERM, SigHandler::SigIgn) }.unwrap();
    let grandchild = Command::new("sleep").arg("1000").spawn().unwrap();
    tell_pids(pids, &[std::process::id(), grandchild.id()]);
    loop {
        pause();
    }
}

fn be_polite(
    assignment: &Assignment,
    ctx: &Context,
    pids: &std::path::Path,
) -> Result<Completed, HandlerError> {
    if let Some(checkpoint) = &assignment.checkpoint {
        let result = json!(fs::read_to_string(checkpoint).unwrap());
        return Ok(Completed { result, ..Completed::default() });
    }
    tell_pids(pids, &[std::process::id()]);
    loop {
        match ctx.stop() {
            None => pause(),
            Some(Stop::Cancel) => return Err(HandlerError::Stopped),
            Some(reason) => {
                let path = assignment.scratch_folder().unwrap().join("state");
                fs::write(&path, format!("{reason:?}")).unwrap();
                ctx.checkpoint(&path).unwrap();
                return Err(HandlerError::Stopped);
            }
        }
    }
}

fn count(
    assignment: &Assignment,
    ctx: &Context,
    pids: &std::path::Path,
) -> Result<Completed, HandlerError> {
    let from = match &assignment.checkpoint {
        Some(path) => fs::read_to_string(path).unwrap().parse().unwrap(),
        None => 0_u64,
    };
    let path = assignment.scratch_folder().unwrap().join("state");
    for step in from..40 {
        ctx.metric("count", step, step as f64);
        if (step + 1) % 10 == 0 {
            fs::write(&path, (step + 1).to_string()).unwrap();
            ctx.checkpoint(&path).unwrap();
        }
        if assignment.attempt == 1 && step == 25 {
            tell_pids(pids, &[std::process::id()]);
            loop {
                ctx.check()?;
                pause();
            }
        }
    }
    Ok(Completed { result: json!({"from": from}), ..Completed::default() })
}
