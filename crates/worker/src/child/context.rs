use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU32, Ordering};
use std::{fs, io};

use alphafleet_domain::job::{LogLevel, LogLine, MetricPoint, Progress};
use alphafleet_domain::{Clock, LeaseId, SystemClock};

use super::output::Output;
use super::{HandlerError, Stop};
use crate::frame::FromChild;

const POINTS_A_FRAME: usize = 1_000;
const LONGEST_MESSAGE: usize = 16 << 10;

/// How a running handler speaks to its supervisor. Clones speak for the same job, from any thread.
#[derive(Debug, Clone)]
pub struct Context {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    lease: LeaseId,
    scratch: PathBuf,
    output: Output,
    stop: StopFlag,
    checkpoints: AtomicU32,
}

impl Context {
    pub(super) fn new(lease: LeaseId, scratch: PathBuf, output: Output, stop: StopFlag) -> Self {
        let checkpoints = AtomicU32::new(0);
        Self { inner: Arc::new(Inner { lease, scratch, output, stop, checkpoints }) }
    }

    /// Whether, and why, the job should end now. Costs one atomic load.
    pub fn stop(&self) -> Option<Stop> {
        self.inner.stop.get()
    }

    /// `Err(Stopped)` once the job should end; for `?` in loops that keep no checkpoint.
    pub fn check(&self) -> Result<(), HandlerError> {
        self.stop().map_or(Ok(()), |_| Err(HandlerError::Stopped))
    }

    /// Enters a stage at `percent` (0 to 100).
    pub fn stage(&self, stage: &str, percent: f64) {
        self.progress(Progress { stage: stage.to_owned(), percent, ..Progress::default() });
    }

    /// How far the job has come. May be called as often as one likes: what is not the newest is
    /// left out on the way, except entries into a stage.
    pub fn progress(&self, mut progress: Progress) {
        progress.percent =
            if progress.percent.is_finite() { progress.percent.clamp(0.0, 100.0) } else { 0.0 };
        progress.message = shorten(&progress.message);
        self.send(FromChild::Progress { lease: self.inner.lease, progress });
    }

    /// One value of one metric. `step` is the round or epoch.
    pub fn metric(&self, name: &str, step: u64, value: f64) {
        self.metrics(step, &[(name, value)]);
    }

    /// Values of several metrics at one step.
    pub fn metrics(&self, step: u64, values: &[(&str, f64)]) {
        let at = SystemClock.now();
        let point =
            |&(name, value): &(&str, f64)| MetricPoint { name: name.to_owned(), step, value, at };
        self.points(values.iter().map(point).collect());
    }

    /// Many points at once; none is ever left out, except values that are not finite: those
    /// become a warning in the log.
    pub fn points(&self, points: Vec<MetricPoint>) {
        let (finite, odd): (Vec<_>, Vec<_>) =
            points.into_iter().partition(|point| point.value.is_finite());
        for point in odd {
            self.log(
                LogLevel::Warn,
                &format!("{} at step {} is {}: not recorded", point.name, point.step, point.value),
            );
        }
        for chunk in finite.chunks(POINTS_A_FRAME) {
            self.send(FromChild::Metrics { lease: self.inner.lease, points: chunk.to_vec() });
        }
    }

    /// A line for the job's owner.
    pub fn log(&self, level: LogLevel, message: &str) {
        let line = LogLine { at: SystemClock.now(), level, message: shorten(message) };
        self.send(FromChild::Log { lease: self.inner.lease, line });
    }

    /// Hands over a complete checkpoint, written to `path` in scratch. The file is moved away, so
    /// the next one can be written to the same path at once. A later attempt finds the newest
    /// stored one in [`Assignment::checkpoint`](super::Assignment).
    pub fn checkpoint(&self, path: &Path) -> io::Result<()> {
        let number = self.inner.checkpoints.fetch_add(1, Ordering::Relaxed) + 1;
        let handed = self.inner.scratch.join(format!(".checkpoint-{number}"));
        fs::rename(path, &handed)?;
        self.send(FromChild::Checkpoint { lease: self.inner.lease, path: handed });
        Ok(())
    }

    fn send(&self, frame: FromChild) {
        self.inner.output.send(&frame);
    }
}

/// Set by the thread that reads the supervisor's frames.
#[derive(Debug, Clone, Default)]
pub(super) struct StopFlag(Arc<AtomicU8>);

impl StopFlag {
    /// A weightier reason replaces a lighter one, never the other way.
    pub(super) fn raise(&self, reason: Stop) {
        let weight = match reason {
            Stop::Drain => 1,
            Stop::SoftLimit => 2,
            Stop::Cancel => 3,
        };
        self.0.fetch_max(weight, Ordering::Release);
    }

    fn get(&self) -> Option<Stop> {
        match self.0.load(Ordering::Acquire) {
            0 => None,
            1 => Some(Stop::Drain),
            2 => Some(Stop::SoftLimit),
            _ => Some(Stop::Cancel),
        }
    }
}

fn shorten(text: &str) -> String {
    if text.len() <= LONGEST_MESSAGE {
        return text.to_owned();
    }
    let end = text.floor_char_boundary(LONGEST_MESSAGE);
    format!("{}…", &text[..end])
}
