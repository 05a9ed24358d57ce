use std::io::{self, BufRead, BufReader};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;

use alphafleet_domain::LeaseId;
use alphafleet_domain::job::{Failure, FailureCode};

use super::context::{Context, StopFlag};
use super::output::Output;
use super::panics::LastPanic;
use super::{Handler, HandlerError, os};
use crate::frame::{Assignment, Completed, FromChild, PROTOCOL, ToChild};

const PANICKED: i32 = 101;

/// The main function of a child process: serves assignments from standard input until it ends.
///
/// Call it first thing in `main`, before other threads exist. Standard output is redirected to
/// standard error, so that libraries may print. A panic of a handler becomes a failure, and the
/// process then ends with code 101.
pub fn main(handlers: &[&dyn Handler]) -> ExitCode {
    match serve(handlers) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("the child cannot start: {error}");
            ExitCode::from(70)
        }
    }
}

fn serve(handlers: &[&dyn Handler]) -> io::Result<()> {
    let output = Output::new(os::claim_stdout()?);
    os::die_with_supervisor()?;
    os::limit_memory()?;
    let panics = LastPanic::install();
    let assignments = listen()?;
    output.send(&FromChild::Ready { protocol: PROTOCOL, pid: std::process::id() });
    for (assignment, stop) in assignments {
        let lease = assignment.lease;
        let ctx = Context::new(lease, assignment.scratch.clone(), output.clone(), stop);
        let ended = catch_unwind(AssertUnwindSafe(|| run(handlers, &assignment, &ctx)));
        match ended {
            Ok(ended) => output.send_last(&last_frame(lease, ended)),
            Err(_) => {
                let message = format!("the handler panicked: {}", panics.take());
                let failure = Failure::permanent(FailureCode::Internal, message);
                output.send_last(&FromChild::Failed { lease, failure });
                os::exit_now(PANICKED);
            }
        }
    }
    Ok(())
}

fn run(
    handlers: &[&dyn Handler],
    assignment: &Assignment,
    ctx: &Context,
) -> Result<Completed, HandlerError> {
    let Some(handler) = handlers.iter().find(|handler| handler.kind() == assignment.kind) else {
        return Err(HandlerError::permanent(
            FailureCode::InvalidSpec,
            format!("this worker has no handler for {} jobs", assignment.kind.as_str()),
        ));
    };
    handler.run(assignment, ctx)
}

fn last_frame(lease: LeaseId, ended: Result<Completed, HandlerError>) -> FromChild {
    match ended {
        Ok(completed) => FromChild::Completed { lease, completed },
        Err(HandlerError::Stopped) => FromChild::Stopped { lease },
        Err(HandlerError::Failed(failure)) => FromChild::Failed { lease, failure },
    }
}

type Work = (Box<Assignment>, StopFlag);

/// Reads the supervisor's frames on a thread of its own, so that a stop or the end of the pipe
/// is noticed while the handler works.
fn listen() -> io::Result<Receiver<Work>> {
    let (sender, receiver) = mpsc::channel();
    thread::Builder::new().name("supervisor-frames".to_owned()).spawn(move || {
        if let Err(error) = read_frames(&sender) {
            eprintln!("the supervisor's frames cannot be read: {error}");
        }
        os::end_group();
    })?;
    Ok(receiver)
}

fn read_frames(work: &Sender<Work>) -> io::Result<()> {
    let mut current: Option<(LeaseId, StopFlag)> = None;
    for line in BufReader::new(io::stdin()).lines() {
        match serde_json::from_str(&line?)? {
            ToChild::Assign(assignment) => {
                let stop = StopFlag::default();
                current = Some((assignment.lease, stop.clone()));
                if work.send((assignment, stop)).is_err() {
                    break;
                }
            }
            ToChild::Stop { lease, reason } => {
                if let Some((_, stop)) = current.as_ref().filter(|(held, _)| *held == lease) {
                    stop.raise(reason);
                }
            }
        }
    }
    Ok(())
}
