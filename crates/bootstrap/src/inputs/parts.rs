use std::sync::Arc;

use alphafleet_domain::job::{Failure, FailureCode};
use alphafleet_domain::ports::{Child, JobStore};
use alphafleet_domain::{ArtifactKind, Job, JobState};
use alphafleet_worker::PrepareError;
use alphafleet_worker::child::Part;

/// Finds what the children of a job left for it.
pub(super) struct PartInputs {
    jobs: Arc<dyn JobStore>,
}

impl PartInputs {
    pub fn new(jobs: Arc<dyn JobStore>) -> Self {
        Self { jobs }
    }

    /// The file of each child, in the order of their submission; nothing for a job without
    /// children. If one of them did not complete, neither can the job: it fails for good, in the
    /// words of the child that failed first.
    pub async fn parts(&self, job: &Job) -> Result<Vec<Part>, PrepareError> {
        if job.children == 0 {
            return Ok(Vec::new());
        }
        let children = self.jobs.children(job.id).await?;
        if let Some(failure) = spoilt(&children) {
            return Err(PrepareError::Failed(failure));
        }
        let total = children.len();
        (1..).zip(children).map(|(number, child)| part(child, number, total)).collect()
    }
}

/// Why the job cannot go on.
fn spoilt(children: &[Child]) -> Option<Failure> {
    let total = children.len();
    let failed = (1..).zip(children).filter_map(|(number, child): (usize, _)| match &child.state {
        JobState::Failed(failure) => Some((child.finished_at, number, failure)),
        _ => None,
    });
    let first = failed.min_by_key(|(at, number, _)| (*at, *number));
    let cancelled = children.iter().any(|child| child.state == JobState::Cancelled);
    let message = match first {
        Some((_, number, failure)) => {
            format!("share {number} of {total} failed: {}", failure.message)
        }
        None if cancelled => {
            format!("one of its {total} shares was cancelled, and with it those not yet done")
        }
        None => return None,
    };
    Some(Failure::permanent(FailureCode::ChildFailed, message))
}

fn part(child: Child, number: usize, total: usize) -> Result<Part, PrepareError> {
    let file = child.artifacts.into_iter().find(|file| file.kind == ArtifactKind::Share);
    let Some(file) = file else {
        let message = format!("share {number} of {total} left no file to go on from");
        return Err(PrepareError::permanent(FailureCode::Internal, message));
    };
    Ok(Part { job: child.id, key: file.key, sha256: file.sha256 })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use std::time::Duration;

    use super::*;
    use alphafleet_domain::{ArtifactId, ArtifactPointer, Instant, JobId};

    fn child(state: JobState, second: u64) -> Child {
        let finished_at = Some(Instant::UNIX_EPOCH + Duration::from_secs(second));
        Child { id: JobId::new(), state, finished_at, artifacts: Vec::new() }
    }

    fn failed(message: &str) -> JobState {
        JobState::Failed(Failure::retryable(FailureCode::OutOfMemory, message))
    }

    #[test]
    fn the_child_that_failed_first_says_why() {
        let (done, cancelled) = (JobState::Completed, JobState::Cancelled);
        for (children, expected) in [
            (vec![child(done.clone(), 1), child(done.clone(), 2)], None),
            (
                vec![child(cancelled.clone(), 3), child(failed("b"), 5), child(failed("a"), 3)],
                Some("share 3 of 3 failed: a"),
            ),
            (vec![child(failed("a"), 3), child(failed("b"), 3)], Some("share 1 of 2 failed: a")),
            (
                vec![child(done, 1), child(cancelled, 1)],
                Some("one of its 2 shares was cancelled, and with it those not yet done"),
            ),
        ] {
            let failure = spoilt(&children);
            assert_eq!(failure.as_ref().map(|failure| failure.message.as_str()), expected);
            assert!(failure.is_none_or(|failure| {
                failure.code == FailureCode::ChildFailed && !failure.retryable
            }));
        }
    }

    #[test]
    fn a_child_without_its_file_is_named() {
        let mut one = child(JobState::Completed, 1);
        let refused = part(one.clone(), 2, 3).unwrap_err().to_string();
        assert_eq!(refused, "share 2 of 3 left no file to go on from");
        let file = |kind, name: &str| ArtifactPointer {
            id: ArtifactId::new(),
            kind,
            name: name.to_owned(),
            key: format!("jobs/{name}"),
            bytes: 1,
            sha256: "00".to_owned(),
        };
        one.artifacts = vec![file(ArtifactKind::Log, "log"), file(ArtifactKind::Share, "rows")];
        let found = part(one.clone(), 2, 3).unwrap();
        assert_eq!((found.job, found.key.as_str()), (one.id, "jobs/rows"));
    }
}
