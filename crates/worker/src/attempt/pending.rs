use std::collections::VecDeque;

use alphafleet_domain::job::{
    LogLevel, LogLine, MetricPoint, Progress, ProgressBatch, StageRecord,
};
use alphafleet_domain::{ArtifactPointer, Instant};

use super::publish::News;

/// Points and lines in one transaction: the database may have one writer, and what it writes for
/// one job has the beats of all others wait.
const MOST_AT_ONCE: usize = 1_000;
/// Log lines that may wait; older ones give way.
const MOST_LINES: usize = 5_000;

/// What a running attempt has said and the store has not taken yet.
#[derive(Debug, Default)]
pub(super) struct Pending {
    attempt: u32,
    stage: String,
    progress: Option<Progress>,
    entries: Vec<(StageRecord, Progress)>,
    metrics: Vec<MetricPoint>,
    logs: VecDeque<LogLine>,
    logs_left_out: u64,
    checkpoint: Option<ArtifactPointer>,
    pub closed: bool,
}

impl Pending {
    pub fn of(attempt: u32) -> Self {
        Self { attempt, ..Self::default() }
    }

    pub fn progress(&mut self, progress: Progress, at: Instant) {
        if !progress.stage.is_empty() && progress.stage != self.stage {
            self.stage.clone_from(&progress.stage);
            let record = StageRecord {
                attempt: self.attempt,
                stage: progress.stage.clone(),
                percent: progress.percent,
                at,
            };
            self.entries.push((record, progress.clone()));
        }
        self.progress = Some(progress);
    }

    pub fn metrics(&mut self, points: Vec<MetricPoint>) {
        self.metrics.extend(points);
    }

    pub fn log(&mut self, line: LogLine) {
        if self.logs.len() == MOST_LINES {
            self.logs.pop_front();
            self.logs_left_out += 1;
        }
        self.logs.push_back(line);
    }

    /// Answers the one that is left out for it.
    pub fn checkpoint(&mut self, pointer: ArtifactPointer) -> Option<ArtifactPointer> {
        self.checkpoint.replace(pointer)
    }

    pub fn points(&self) -> usize {
        self.metrics.len()
    }

    /// An entry into a stage and a checkpoint go out at once.
    pub fn is_urgent(&self) -> bool {
        !self.entries.is_empty() || self.checkpoint.is_some()
    }

    pub fn is_empty(&self) -> bool {
        self.progress.is_none()
            && self.entries.is_empty()
            && self.metrics.is_empty()
            && self.logs.is_empty()
            && self.checkpoint.is_none()
    }

    /// Everything, as transactions with what to publish after each. The checkpoint comes with the
    /// last, as it stands for all that was said before it.
    pub fn take(&mut self, now: Instant) -> Vec<(ProgressBatch, News)> {
        let mut batches = self.split(now);
        let mut last = batches.pop().unwrap_or_default();
        let mut told: Vec<Progress> = Vec::new();
        for (record, progress) in self.entries.drain(..) {
            last.stages.push(record);
            told.push(progress);
        }
        last.progress = self.progress.take();
        if let Some(newest) = last.progress.clone().filter(|newest| told.last() != Some(newest)) {
            told.push(newest);
        }
        last.checkpoint = self.checkpoint.take();
        batches.push(last);
        let mut told = Some(told);
        let count = batches.len();
        let with_news = |(index, batch): (usize, ProgressBatch)| {
            let progress =
                if index + 1 == count { told.take().unwrap_or_default() } else { vec![] };
            let news = News { progress, metrics: batch.metrics.clone(), logs: batch.logs.clone() };
            (batch, news)
        };
        batches.into_iter().enumerate().map(with_news).collect()
    }

    /// The points and lines, in batches of a size that one transaction may have.
    fn split(&mut self, now: Instant) -> Vec<ProgressBatch> {
        let (metrics, mut logs) = (std::mem::take(&mut self.metrics), self.take_logs(now));
        let with_points =
            |chunk: &[MetricPoint]| ProgressBatch { metrics: chunk.to_vec(), ..<_>::default() };
        let mut batches: Vec<_> = metrics.chunks(MOST_AT_ONCE).map(with_points).collect();
        let room = batches.last().map_or(0, |last| MOST_AT_ONCE - last.metrics.len());
        if let Some(last) = batches.last_mut() {
            last.logs = logs.drain(..room.min(logs.len())).collect();
        }
        let with_lines =
            |chunk: &[LogLine]| ProgressBatch { logs: chunk.to_vec(), ..<_>::default() };
        batches.extend(logs.chunks(MOST_AT_ONCE).map(with_lines));
        batches
    }

    fn take_logs(&mut self, at: Instant) -> Vec<LogLine> {
        let mut lines: Vec<_> = self.logs.drain(..).collect();
        let left_out = std::mem::take(&mut self.logs_left_out);
        if left_out > 0 {
            let message = format!("{left_out} earlier lines were left out");
            lines.insert(0, LogLine { at, level: LogLevel::Warn, message });
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(percent: f64, stage: &str) -> Progress {
        Progress { percent, stage: stage.to_owned(), ..Progress::default() }
    }

    #[test]
    fn progress_is_conflated_but_stages_are_not() {
        let now = Instant::UNIX_EPOCH;
        let mut pending = Pending::of(2);
        for progress in [at(1.0, "a"), at(2.0, "a"), at(3.0, "b"), at(4.0, "b")] {
            pending.progress(progress, now);
        }
        assert!(pending.is_urgent());
        let [(batch, news)] = &pending.take(now)[..] else { panic!("one batch") };
        let stages: Vec<_> = batch.stages.iter().map(|one| (one.attempt, &*one.stage)).collect();
        assert_eq!(stages, [(2, "a"), (2, "b")]);
        assert_eq!(news.progress, [at(1.0, "a"), at(3.0, "b"), at(4.0, "b")]);
        assert!(pending.is_empty());
    }

    #[test]
    fn points_and_lines_are_split_in_order_and_none_is_lost() {
        let now = Instant::UNIX_EPOCH;
        for (points, lines) in [(12_500, 0), (0, 4_500), (2_500, 4_500), (2_000, 1), (1, 1)] {
            let mut pending = Pending::default();
            let point = |step| MetricPoint { name: "m".to_owned(), step, value: 0.0, at: now };
            pending.metrics((0..points).map(point).collect());
            for line in 0..lines {
                let message = line.to_string();
                pending.log(LogLine { at: now, level: LogLevel::Info, message });
            }
            pending.progress(at(1.0, "a"), now);
            let batches = pending.take(now);
            let size = |batch: &ProgressBatch| batch.metrics.len() + batch.logs.len();
            assert!(batches.iter().all(|(batch, _)| size(batch) <= MOST_AT_ONCE));
            let news = batches.iter().map(|(_, news)| news);
            let steps: Vec<_> =
                news.clone().flat_map(|news| news.metrics.iter().map(|one| one.step)).collect();
            assert_eq!(steps, (0..points).collect::<Vec<_>>());
            let said: Vec<_> =
                news.flat_map(|news| news.logs.iter().map(|line| line.message.clone())).collect();
            assert_eq!(said, (0..lines).map(|line: i32| line.to_string()).collect::<Vec<_>>());
            let with_progress = batches.iter().map(|(batch, _)| batch.progress.is_some());
            let last_only = (0..batches.len()).map(|index| index + 1 == batches.len());
            assert!(with_progress.eq(last_only));
        }
    }
}
