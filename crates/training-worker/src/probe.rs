use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;
use std::time::{Duration, Instant};

use alphafleet_domain::job::{FailureCode, JobKind, MetricPoint};
use alphafleet_domain::{ArtifactKind, Clock, SystemClock};
use alphafleet_specs::{Crash, ProbeSpec, ProbeStep};
use alphafleet_worker::child::{Assignment, Completed, Context, Handler, HandlerError, OutputFile};
use nix::sys::signal::{Signal, raise};

/// How often a sleep looks whether to go on.
const NAP: Duration = Duration::from_millis(10);
const PAGE: usize = 4096;
const POINTS_AT_ONCE: u32 = 1_000;

/// Serves jobs of the kind `probe`: does what each step says, in order.
#[derive(Debug, Clone, Copy, Default)]
pub struct ProbeHandler;

impl Handler for ProbeHandler {
    fn kind(&self) -> JobKind {
        JobKind::Probe
    }

    fn run(&self, assignment: &Assignment, ctx: &Context) -> Result<Completed, HandlerError> {
        let spec = ProbeSpec::from_value(&assignment.spec).map_err(|faults| {
            HandlerError::permanent(FailureCode::InvalidSpec, faults.to_string())
        })?;
        let mut completed = Completed::default();
        let mut held = Vec::new();
        let steps = spec.steps.len() as f64;
        for (at, step) in spec.steps.iter().enumerate() {
            ctx.check()?;
            ctx.stage(name(step), 100.0 * at as f64 / steps);
            match step {
                ProbeStep::Echo { value } => completed.result = value.clone(),
                ProbeStep::Sleep { sleep_ms } => sleep(Duration::from_millis(*sleep_ms), ctx)?,
                ProbeStep::Allocate { allocate_bytes } => {
                    held.push(allocate(*allocate_bytes, ctx)?)
                }
                ProbeStep::Crash { how } => crash(*how)?,
                ProbeStep::EmitMetrics { name, count } => emit(name, *count, ctx)?,
                ProbeStep::Fail { message, retryable: true } => {
                    return Err(HandlerError::retryable(FailureCode::HandlerError, message));
                }
                ProbeStep::Fail { message, .. } => {
                    return Err(HandlerError::permanent(FailureCode::HandlerError, message));
                }
                ProbeStep::WriteArtifact { name, bytes } => {
                    let path = assignment.scratch_folder()?.join(name);
                    write(&path, *bytes, ctx)?;
                    completed.files.push(OutputFile::new(ArtifactKind::Other, name, path));
                }
            }
        }
        ctx.stage("completed", 100.0);
        // What was allocated is kept until here, and not optimised away before.
        std::hint::black_box(&held);
        Ok(completed)
    }
}

fn name(step: &ProbeStep) -> &'static str {
    match step {
        ProbeStep::Echo { .. } => "echo",
        ProbeStep::Sleep { .. } => "sleep",
        ProbeStep::Allocate { .. } => "allocate",
        ProbeStep::Crash { .. } => "crash",
        ProbeStep::EmitMetrics { .. } => "emit_metrics",
        ProbeStep::Fail { .. } => "fail",
        ProbeStep::WriteArtifact { .. } => "write_artifact",
    }
}

fn sleep(time: Duration, ctx: &Context) -> Result<(), HandlerError> {
    let start = Instant::now();
    while let Some(left) = time.checked_sub(start.elapsed()).filter(|left| !left.is_zero()) {
        ctx.check()?;
        std::thread::sleep(left.min(NAP));
    }
    Ok(())
}

/// Touches every page, so that the memory is really taken.
fn allocate(bytes: u64, ctx: &Context) -> Result<Vec<u8>, HandlerError> {
    const CHUNK: usize = 16 << 20;
    let out_of_memory = |error: &dyn std::fmt::Display| {
        HandlerError::retryable(
            FailureCode::OutOfMemory,
            format!("{bytes} bytes cannot be had: {error}"),
        )
    };
    let bytes_wanted = usize::try_from(bytes).map_err(|error| out_of_memory(&error))?;
    let mut memory = Vec::new();
    memory.try_reserve_exact(bytes_wanted).map_err(|error| out_of_memory(&error))?;
    while memory.len() < bytes_wanted {
        ctx.check()?;
        let from = memory.len();
        memory.resize((from + CHUNK).min(bytes_wanted), 0u8);
        for byte in memory[from..].iter_mut().step_by(PAGE) {
            *byte = 1;
        }
    }
    Ok(memory)
}

fn crash(how: Crash) -> Result<(), HandlerError> {
    match how {
        Crash::ExitCode(code) => std::process::exit(i32::from(code)),
        Crash::Panic => panic!("the probe was told to panic"),
        Crash::Signal(number) => {
            let signal = Signal::try_from(i32::from(number)).map_err(|error| {
                let message = format!("signal {number}: {error}");
                HandlerError::permanent(FailureCode::InvalidSpec, message)
            })?;
            raise(signal).map_err(|error| {
                HandlerError::permanent(FailureCode::Internal, format!("{signal}: {error}"))
            })
        }
    }
}

fn emit(name: &str, count: u32, ctx: &Context) -> Result<(), HandlerError> {
    for from in (0..count).step_by(POINTS_AT_ONCE as usize) {
        ctx.check()?;
        let steps = from..count.min(from + POINTS_AT_ONCE);
        let at = SystemClock.now();
        let point = |step: u32| MetricPoint {
            name: name.to_owned(),
            step: u64::from(step),
            value: f64::from(step),
            at,
        };
        ctx.points(steps.map(point).collect());
    }
    Ok(())
}

/// Each byte is the low byte of its offset.
fn write(path: &Path, bytes: u64, ctx: &Context) -> Result<(), HandlerError> {
    let failed = |error: std::io::Error| {
        HandlerError::retryable(FailureCode::HandlerError, format!("{}: {error}", path.display()))
    };
    let block: Vec<u8> = (0..=u8::MAX).cycle().take(1 << 16).collect();
    let mut file = BufWriter::new(File::create(path).map_err(failed)?);
    let mut left = bytes;
    while left > 0 {
        ctx.check()?;
        let part = usize::try_from(left).unwrap_or(usize::MAX).min(block.len());
        file.write_all(&block[..part]).map_err(failed)?;
        left -= part as u64;
    }
    file.flush().map_err(failed)
}
