//! Follows a session on the terminal.

use std::collections::BTreeMap;
use std::io::Write;
use std::time::Duration;

use alphafleet_domain::JobId;
use alphafleet_protocol::{
    LogLevelName, MetricPointView, ProgressView, ServerFrame, SessionState, StatePayload,
};
use anyhow::Context;
use indicatif::ProgressBar;

use crate::client::{Api, Followed, Follower};
use crate::output;

/// How well the session was followed to its end.
#[derive(Debug, Clone, Copy)]
pub struct Watched {
    pub received: u64,
    pub gaps: u64,
}

/// What a watcher shows, and where it keeps the frames.
pub struct Watch<'a> {
    /// Draw no progress on standard error.
    pub quiet: bool,
    /// Print each frame on standard output.
    pub print: bool,
    /// Every frame as it came, a line each.
    pub record: Option<&'a mut (dyn Write + Send)>,
}

/// Follows the session to its end.
pub async fn watch(api: &Api, session: JobId, mut watch: Watch<'_>) -> anyhow::Result<Watched> {
    let mut follower = Follower::new(api.clone(), session);
    let mut screen = Screen::new(watch.quiet);
    while let Some(followed) = follower.next().await? {
        match followed {
            Followed::Reconnected => screen.note("the connection was lost and is there again"),
            Followed::Frame { text, frame } => {
                if let Some(record) = &mut watch.record {
                    writeln!(record, "{text}").context("the events cannot be written")?;
                }
                if watch.print {
                    println!("{text}");
                }
                screen.show(&frame);
            }
        }
    }
    screen.finish();
    Ok(Watched { received: follower.received, gaps: follower.gaps })
}

/// A progress bar with the newest metrics beside it.
struct Screen {
    bar: ProgressBar,
    latest: BTreeMap<String, f64>,
    stage: String,
}

impl Screen {
    fn new(quiet: bool) -> Self {
        let bar = output::stage_bar(quiet);
        bar.enable_steady_tick(Duration::from_millis(250));
        Self { bar, latest: BTreeMap::new(), stage: String::new() }
    }

    fn show(&mut self, frame: &ServerFrame) {
        match frame {
            ServerFrame::SessionSubscribed { snapshot, .. } | ServerFrame::Gap { snapshot, .. } => {
                self.progress(&snapshot.progress);
                self.metrics(&snapshot.metrics);
            }
            ServerFrame::SessionStatusUpdate { state, progress, .. } => {
                progress.iter().for_each(|progress| self.progress(progress));
                state.iter().for_each(|state| self.state(state));
            }
            ServerFrame::SessionMetricsUpdate { metrics, .. } => self.metrics(&metrics.points),
            ServerFrame::TrainingCompleted { .. } => self.bar.set_position(1_000),
            ServerFrame::TrainingFailed { state, .. } => self.state(state),
            ServerFrame::Log { log, .. } => {
                for line in &log.lines {
                    if matches!(line.level, LogLevelName::Warn | LogLevelName::Error) {
                        self.note(&line.message);
                    }
                }
            }
            _ => {}
        }
    }

    fn state(&mut self, state: &StatePayload) {
        if let Some(failure) = &state.failure {
            let next =
                if state.state == SessionState::Pending { "; it is tried again" } else { "" };
            self.note(&format!("attempt {}: {}{next}", state.attempt, failure.message));
        }
        if state.state == SessionState::Pending {
            self.stage("waiting");
        }
    }

    fn progress(&mut self, progress: &ProgressView) {
        self.stage(&progress.stage);
        self.bar.set_position((progress.percent * 10.0) as u64);
        let epochs = match (progress.epoch, progress.epochs) {
            (Some(bar), Some(bars)) if progress.stage == "simulating" => {
                format!("bar {bar}/{bars}  ")
            }
            (Some(epoch), Some(epochs)) => format!("round {epoch}/{epochs}  "),
            _ => format!("{}  ", progress.message),
        };
        let metrics = self.latest.iter().map(|(name, value)| format!("{name} {value:.5}"));
        self.bar.set_message(epochs + &metrics.collect::<Vec<_>>().join("  "));
    }

    /// A stage gets a line of its own where no bar can be drawn.
    fn stage(&mut self, stage: &str) {
        if stage.is_empty() || self.stage == stage {
            return;
        }
        stage.clone_into(&mut self.stage);
        self.bar.set_prefix(stage.to_owned());
        if self.bar.is_hidden() {
            eprintln!("{stage}");
        }
    }

    fn metrics(&mut self, points: &[MetricPointView]) {
        for point in points {
            self.latest.insert(point.name.clone(), point.value);
        }
    }

    fn note(&self, text: &str) {
        if self.bar.is_hidden() {
            eprintln!("{text}");
        } else {
            self.bar.println(text);
        }
    }

    fn finish(&self) {
        self.bar.finish_and_clear();
    }
}
