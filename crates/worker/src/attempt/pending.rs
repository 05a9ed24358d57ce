use std::collections::VecDeque;

use alphafleet_domain::job::{
    LogLevel, LogLine, MetricPoint, Progress, ProgressBatch, ResourceSample, StageRecord,
};
use alphafleet_domain::{ArtifactPointer, Instant};

use super::publish::News;

/// Points and lines in one transaction: the database may have one writer, and what it writes for
/// one job has the beats of all others wait.
const MOST_AT_ONCE: usize = 1_000;
/// Log lines that may wait; older ones give way. So do entries into stages and samples.
const MOST_LINES: usize = 5_000;
const MOST_ENTRIES: usize = 1_000;
const MOST_SAMPLES: usize = 1_000;
/// Entries into stages that are published at once, each an event of its own.
const MOST_TOLD: usize = 10;

/// What a running attempt has said and the store has not taken yet. Text is without NUL, which
/// PostgreSQL does not have.
#[derive(Debug, Default)]
pub(crate) struct Pending {
    attempt: u32,
    stage: String,
    progress: Option<Progress>,
    entries: VecDeque<(StageRecord, Progress)>,
    entries_left_out: u64,
    metrics: Vec<MetricPoint>,
    logs: VecDeque<LogLine>,
    logs_left_out: u64,
    resources: VecDeque<ResourceSample>,
    checkpoint: Option<ArtifactPointer>,
    pub closed: bool,
}

impl Pending {
    pub fn of(attempt: u32) -> Self {
        Self { attempt, ..Self::default() }
    }

    pub fn progress(&mut self, mut progress: Progress, at: Instant) {
        progress.stage = plain(progress.stage);
        progress.message = plain(progress.message);
        if !progress.stage.is_empty() && progress.stage != self.stage {
            self.stage.clone_from(&progress.stage);
            let record = StageRecord {
                attempt: self.attempt,
                stage: progress.stage.clone(),
                percent: progress.percent,
                at,
            };
            if self.entries.len() == MOST_ENTRIES {
                self.entries.pop_front();
                self.entries_left_out += 1;
            }
            self.entries.push_back((record, progress.clone()));
        }
        self.progress = Some(progress);
    }

    pub fn metrics(&mut self, mut points: Vec<MetricPoint>) {
        for point in &mut points {
            point.name = plain(std::mem::take(&mut point.name));
        }
        self.metrics.append(&mut points);
    }

    pub fn resources(&mut self, sample: ResourceSample) {
        if self.resources.len() == MOST_SAMPLES {
            self.resources.pop_front();
        }
        self.resources.push_back(sample);
    }

    pub fn log(&mut self, mut line: LogLine) {
        line.message = plain(line.message);
        if self.logs.len() == MOST_LINES {
            self.logs.pop_front();
            self.logs_left_out += 1;
        }
        self.logs.push_back(line);
    }

    /// A line of our own.
    pub fn note(&mut self, at: Instant, level: LogLevel, message: impl Into<String>) {
        self.log(LogLine { at, level, message: message.into() });
    }

    /// Answers the one that is left out for it.
    pub fn checkpoint(&mut self, pointer: ArtifactPointer) -> Option<ArtifactPointer> {
        self.checkpoint.replace(pointer)
    }

    pub fn points(&self) -> usize {
        self.metrics.len()
    }

    /// Whether one transaction still takes it all with so many points or lines more.
    pub fn has_room(&self, more: usize) -> bool {
        self.metrics.len() + self.logs.len() + more <= MOST_AT_ONCE
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
            && self.resources.is_empty()
            && self.checkpoint.is_none()
    }

    /// Everything, as transactions with what to publish after each. The checkpoint comes with the
    /// last, as it stands for all that was said before it.
    pub fn take(&mut self, now: Instant) -> Vec<(ProgressBatch, News)> {
        let mut batches = self.split(now);
        let mut last = batches.pop().unwrap_or_default();
        let untold = self.entries.len().saturating_sub(MOST_TOLD);
        let mut told: Vec<Progress> = Vec::new();
        for (place, (record, progress)) in self.entries.drain(..).enumerate() {
            last.stages.push(record);
            told.extend((place >= untold).then_some(progress));
        }
        last.resources = self.resources.drain(..).collect();
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
            let news = News {
                progress,
                metrics: batch.metrics.clone(),
                logs: batch.logs.clone(),
                resources: batch.resources.clone(),
            };
            (batch, news)
        };
        batches.into_iter().enumerate().map(with_news).collect()
    }

    /// Everything that an attempt said that has ended, as one; there has to be room for it. The
    /// stages it passed through are past: only the newest progress is told.
    pub fn take_as_one(&mut self, now: Instant) -> (ProgressBatch, News) {
        let (mut all, mut news) = (ProgressBatch::default(), News::default());
        for (mut batch, more) in self.take(now) {
            all.stages.append(&mut batch.stages);
            all.metrics.append(&mut batch.metrics);
            all.logs.append(&mut batch.logs);
            all.resources.append(&mut batch.resources);
            all.progress = batch.progress.or(all.progress);
            all.checkpoint = batch.checkpoint.or(all.checkpoint);
            news.progress.extend(more.progress);
            news.metrics.extend(more.metrics);
            news.logs.extend(more.logs);
            news.resources.extend(more.resources);
        }
        let past = news.progress.len().saturating_sub(1);
        news.progress.drain(..past);
        (all, news)
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
        let counts = [
            (&mut self.logs_left_out, "earlier lines were left out"),
            (&mut self.entries_left_out, "earlier entries into stages were left out"),
        ];
        for (left_out, what) in counts {
            let count = std::mem::take(left_out);
            if count > 0 {
                let message = format!("{count} {what}");
                lines.insert(0, LogLine { at, level: LogLevel::Warn, message });
            }
        }
        lines
    }
}

fn plain(text: String) -> String {
    if text.contains('\0') { text.replace('\0', "") } else { text }
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
    fn a_job_of_nothing_but_stages_is_bounded_and_conflated() {
        let now = Instant::UNIX_EPOCH;
        let mut pending = Pending::of(1);
        let total = MOST_ENTRIES + 500;
        for stage in 0..total {
            pending.progress(at(1.0, &format!("stage {stage}")), now);
        }
        let [(batch, news)] = &pending.take(now)[..] else { panic!("one batch") };
        assert_eq!(batch.stages.len(), MOST_ENTRIES);
        assert_eq!(
            batch.stages.last().map(|one| &*one.stage),
            Some(&*format!("stage {}", total - 1))
        );
        assert_eq!(batch.logs[0].message, "500 earlier entries into stages were left out");
        assert_eq!(news.progress.len(), MOST_TOLD);
        assert_eq!(news.progress.last(), batch.progress.as_ref());
        assert!(pending.is_empty());
    }

    #[test]
    fn the_newest_samples_stay() {
        let now = Instant::UNIX_EPOCH;
        let mut pending = Pending::of(1);
        for memory_bytes in 0..MOST_SAMPLES as u64 + 7 {
            pending.resources(ResourceSample {
                attempt: 1,
                at: now,
                cpu_percent: 0.0,
                memory_bytes,
                read_bytes: 0,
                written_bytes: 0,
            });
        }
        assert!(!pending.is_urgent());
        let [(batch, news)] = &pending.take(now)[..] else { panic!("one batch") };
        assert_eq!((batch.resources.len(), batch.resources[0].memory_bytes), (MOST_SAMPLES, 7));
        assert_eq!(news.resources, batch.resources);
        assert!(pending.is_empty());
    }

    #[test]
    fn text_has_no_nul() {
        let now = Instant::UNIX_EPOCH;
        let mut pending = Pending::of(1);
        pending.progress(at(1.0, "a\0b"), now);
        pending.metrics(vec![MetricPoint { name: "l\0".to_owned(), step: 0, value: 0.0, at: now }]);
        pending.log(LogLine { at: now, level: LogLevel::Info, message: "\0said".to_owned() });
        let [(batch, _)] = &pending.take(now)[..] else { panic!("one batch") };
        assert_eq!(batch.stages[0].stage, "ab");
        assert_eq!((&*batch.metrics[0].name, &*batch.logs[0].message), ("l", "said"));
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
