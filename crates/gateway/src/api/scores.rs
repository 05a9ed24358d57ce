//! Whose scores a backtest goes by, and of which days they are.

use alphafleet_domain::job::{JobKind, StateName};
use alphafleet_domain::ports::JobFilter;
use alphafleet_domain::{ArtifactKind, Job, JobId, PageRequest, StrategyId, UserId};
use alphafleet_specs::{BacktestDraft, DateRange, Segments, SignalRef, Trained, TrainingSpec};
use serde_json::Value;

use crate::error::ApiError;
use crate::gateway::Gateway;

const SESSION: &str = "parameters.session";

/// A completed training with its predictions.
pub(super) struct Scores {
    pub trained: Trained,
    /// The days its model was fitted on and stopped by.
    fitted: DateRange,
    /// The days that have scores.
    scored: DateRange,
}

/// The scores the plan goes by: those of the training that is named, else of the strategy's newest
/// completed one. None for a plan without scores, nor for one that can do without and has no
/// training.
pub(super) async fn scores(
    gateway: &Gateway,
    owner: UserId,
    strategy: StrategyId,
    draft: &BacktestDraft,
) -> Result<Option<Scores>, ApiError> {
    let training = match draft.session {
        Some(session) => Some(named(gateway, owner, session).await?),
        None if draft.plan.takes_signal() => newest(gateway, owner, strategy).await?,
        None => None,
    };
    match training {
        Some(training) => Ok(Some(Scores::of(gateway, training).await?)),
        None if draft.plan.needs_signal() => Err(untrained(strategy)),
        None => Ok(None),
    }
}

fn untrained(strategy: StrategyId) -> ApiError {
    let detail = format!(
        "The strategy goes by a model's scores and has no completed training. Start one with POST \
         /api/v1/strategies/{strategy}/train and wait for its end, or name another strategy's by \
         {SESSION}."
    );
    ApiError::conflict("no_completed_training", detail)
}

async fn named(gateway: &Gateway, owner: UserId, session: JobId) -> Result<Job, ApiError> {
    let job = gateway.parts.jobs.job(session).await?.filter(|job| job.owner == owner);
    let Some(job) = job else {
        return Err(ApiError::invalid_field(
            SESSION,
            "unknown_session",
            "you have no such session",
        ));
    };
    if job.kind != JobKind::Training {
        let message = format!("is a {}, not a training", job.kind.as_str());
        return Err(ApiError::invalid_field(SESSION, "not_a_training", message));
    }
    match job.state.name() {
        StateName::Completed => Ok(job),
        state => {
            let message = format!("is {state}; only a completed training has scores");
            Err(ApiError::invalid_field(SESSION, "not_completed", message))
        }
    }
}

async fn newest(
    gateway: &Gateway,
    owner: UserId,
    strategy: StrategyId,
) -> Result<Option<Job>, ApiError> {
    let filter = JobFilter {
        owner: Some(owner),
        strategy: Some(strategy),
        kind: Some(JobKind::Training),
        states: vec![StateName::Completed],
        top_level: true,
        ..JobFilter::default()
    };
    let page = gateway.parts.jobs.jobs(&filter, PageRequest::new(1, 0)).await?;
    Ok(page.items.into_iter().next())
}

impl Scores {
    async fn of(gateway: &Gateway, training: Job) -> Result<Self, ApiError> {
        let artifacts = gateway.parts.jobs.artifacts(training.id).await?;
        let kept = artifacts.iter().any(|pointer| pointer.kind == ArtifactKind::Predictions);
        let spec = TrainingSpec::from_value(&training.spec)?;
        let Some((fitted, scored)) = days(&training, &spec).filter(|_| kept) else {
            let message = format!(
                "the training {} left no predictions, or not the days they are of; train again",
                training.id
            );
            return Err(ApiError::conflict("no_scores", message));
        };
        let signal = SignalRef { session: training.id, fitted: Some(fitted) };
        Ok(Self { trained: Trained { signal, spec }, fitted, scored })
    }

    /// Refuses a period that the model has seen, unless that is allowed, and one without scores.
    pub fn check(&self, draft: &BacktestDraft) -> Result<(), ApiError> {
        let (period, fitted, scored) = (draft.plan.period(), self.fitted, self.scored);
        let covered = scored.start <= period.start && period.end <= scored.end;
        let scores = format!("it has scores of the days {} to {}", scored.start, scored.end);
        let overlaps = period.start <= fitted.end && fitted.start <= period.end;
        if overlaps && !draft.allow_training_overlap {
            let remedy = if draft.plan.needs_signal() {
                "choose dates in there"
            } else {
                "choose dates in there, or set parameters.allow_training_overlap = true"
            };
            let message = format!(
                "the model was fitted and stopped on {} to {}, and what it has seen tells nothing \
                 of what it can do; {scores}: {remedy}",
                fitted.start, fitted.end
            );
            return Err(ApiError::invalid_field("start_date", "overlaps_training", message));
        }
        if draft.plan.needs_signal() && !covered {
            let field = if scored.start <= period.start { "end_date" } else { "start_date" };
            // Its days of training have none, whatever is allowed.
            let message = format!(
                "the model has not scored the whole period; {scores}, those of its test segment"
            );
            return Err(ApiError::invalid_field(field, "no_scores", message));
        }
        Ok(())
    }
}

/// The days of training and validation, and those of the test segment, which has the scores: as
/// they were asked for, else as the result of the training says them.
fn days(training: &Job, spec: &TrainingSpec) -> Option<(DateRange, DateRange)> {
    let (train, valid, test) = match spec.segments {
        Segments::Dates { train, valid, test } => (train, valid, test),
        Segments::Split { .. } => {
            let segments = training.result.as_ref()?.get("segments")?.as_array()?;
            let named = |name: &str| segments.iter().find(|segment| segment["name"] == name);
            (range(named("train")?)?, range(named("valid")?)?, range(named("test")?)?)
        }
    };
    Some((DateRange { start: train.start, end: valid.end }, test))
}

fn range(segment: &Value) -> Option<DateRange> {
    let day = |name: &str| segment.get(name)?.as_str()?.parse().ok();
    Some(DateRange { start: day("start")?, end: day("end")? })
}
