use std::convert::Infallible;
use std::io::{self, BufRead, BufReader, Write};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::thread;

use alphafleet_domain::LeaseId;
use alphafleet_domain::job::{Failure, FailureCode};

use super::context::Context;
use super::output::Output;
use super::panics::LastPanic;
use super::work::{Came, Stopped, Work};
use super::{Handler, HandlerError, os};
use crate::frame::{Assignment, Completed, FromChild, MARK, PROTOCOL, ToChild};

const PANICKED: i32 = 101;
/// Assignments that may come ahead.
const AHEAD: u32 = 256;

/// The main function of a child process: serves assignments from standard input until it ends.
///
/// Call it first thing in `main`, before other threads exist. Standard output is redirected to
/// standard error, so that libraries may print. A panic of a handler becomes a failure, and the
/// process then ends with code 101.
pub fn main(handlers: &[&dyn Handler]) -> ExitCode {
    let Err(error) = serve(handlers);
    eprintln!("the child cannot start: {error}");
    ExitCode::from(70)
}

fn serve(handlers: &[&dyn Handler]) -> io::Result<Infallible> {
    let output = Output::new(os::claim_stdout()?);
    os::die_with_supervisor()?;
    os::limit_memory()?;
    let panics = LastPanic::install();
    let work = Work::default();
    listen(work.clone(), output.clone())?;
    output.send(&FromChild::Ready { protocol: PROTOCOL, pid: std::process::id(), ahead: AHEAD });
    loop {
        let next = work.next();
        let lease = next.assignment.lease;
        if next.came == Came::Ahead {
            mark(lease);
        }
        let scratch = next.assignment.scratch.clone();
        let ctx = Context::new(lease, scratch, output.clone(), next.stop);
        let ended = catch_unwind(AssertUnwindSafe(|| run(handlers, &next.assignment, &ctx)));
        match ended {
            Ok(ended) => {
                if ended.is_err() {
                    work.forget_ahead();
                }
                output.send_last(&last_frame(lease, ended));
            }
            Err(_) => {
                let message = format!("the handler panicked: {}", panics.take());
                let failure = Failure::permanent(FailureCode::Internal, message);
                output.send_last(&FromChild::Failed { lease, failure });
                os::exit_now(PANICKED);
            }
        }
    }
}

/// What is printed from here on belongs to this lease's job; whatever line was begun is ended.
fn mark(lease: LeaseId) {
    let _ = io::stderr().write_all(format!("\n{MARK}{lease}\n").as_bytes());
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

/// Reads the supervisor's frames on a thread of its own, so that a stop or the end of the pipe
/// is noticed while the handler works.
fn listen(work: Work, output: Output) -> io::Result<()> {
    thread::Builder::new().name("supervisor-frames".to_owned()).spawn(move || {
        if let Err(error) = read_frames(&work, &output) {
            eprintln!("the supervisor's frames cannot be read: {error}");
        }
        os::end_group();
    })?;
    Ok(())
}

fn read_frames(work: &Work, output: &Output) -> io::Result<()> {
    for line in BufReader::with_capacity(1 << 16, io::stdin()).lines() {
        match serde_json::from_str(&line?)? {
            ToChild::Assign(assignment) => work.add(assignment, Came::InTurn),
            ToChild::AssignAhead(assignment) => work.add(assignment, Came::Ahead),
            ToChild::Stop { lease, reason } => {
                if work.stop(lease, reason) == Stopped::Waiting {
                    output.send(&FromChild::Stopped { lease });
                }
            }
        }
    }
    Ok(())
}
