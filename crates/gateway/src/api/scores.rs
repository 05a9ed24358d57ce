//! Whose scores a backtest goes by, and of which days they are.

use alphafleet_domain::job::{JobKind, StateName};
use alphafleet_domain::ports::JobFilter;
use alphafleet_domain::{ArtifactKind, Job, PageRequest, StrategyId, UserId};
use alphafleet_specs::{
    BacktestDraft, DateRange, NamedSession, ScoredModel, Segments, Trained, TrainingSpec, turns,
};
use serde_json::Value;

use crate::error::ApiError;
use crate::gateway::Gateway;

const SESSION: &str = "parameters.session";
const SESSIONS: &str = "parameters.sessions";

/// Completed trainings with their predictions.
pub(super) struct Scores {
    pub trained: Trained,
    /// The days the first model was fitted on and stopped by.
    fitted: DateRange,
    /// The first and the last day that go by scores.
    scored: DateRange,
}

/// The scores the plan goes by: those of the trainings that are named, else of the strategy's newest
/// completed one. None for a plan without scores, nor for one that can do without and has no
/// training.
pub(super) async fn scores(
    gateway: &Gateway,
    owner: UserId,
    strategy: StrategyId,
    draft: &BacktestDraft,
) -> Result<Option<Scores>, ApiError> {
    let mut trainings = Vec::with_capacity(draft.sessions.len());
    for asked in &draft.sessions {
        trainings.push(named(gateway, owner, asked).await?);
    }
    if trainings.is_empty() && draft.plan.takes_signal() {
        trainings.extend(newest(gateway, owner, strategy).await?);
    }
    match Scores::of(gateway, trainings, draft).await? {
        None if draft.plan.needs_signal() => Err(untrained(strategy)),
        scores => Ok(scores),
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

async fn named(gateway: &Gateway, owner: UserId, asked: &NamedSession) -> Result<Job, ApiError> {
    let field = asked.field.as_str();
    let job = gateway.parts.jobs.job(asked.session).await?.filter(|job| job.owner == owner);
    let Some(job) = job else {
        return Err(ApiError::invalid_field(field, "unknown_session", "you have no such session"));
    };
    if job.kind != JobKind::Training {
        let message = format!("is a {}, not a training", job.kind.as_str());
        return Err(ApiError::invalid_field(field, "not_a_training", message));
    }
    match job.state.name() {
        StateName::Completed => Ok(job),
        state => {
            let message = format!("is {state}; only a completed training has scores");
            Err(ApiError::invalid_field(field, "not_completed", message))
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
    /// Of these trainings, if there are any.
    async fn of(
        gateway: &Gateway,
        trainings: Vec<Job>,
        draft: &BacktestDraft,
    ) -> Result<Option<Self>, ApiError> {
        let mut models = Vec::with_capacity(trainings.len());
        for training in &trainings {
            models.push(scored(gateway, training).await?);
        }
        let last = models.iter().max_by_key(|(model, _)| model.fitted.end);
        let Some((_, spec)) = last.cloned() else { return Ok(None) };
        refuse_other_markets(&models, &spec, draft)?;
        let signals = turns(models.into_iter().map(|(model, _)| model).collect(), SESSIONS)?;
        let (first, last) = (signals.first(), signals.last());
        Ok(first.zip(last).and_then(|(first, last)| {
            let fitted = first.fitted?;
            let scored = DateRange { start: first.used?.start, end: last.used?.end };
            Some(Self { trained: Trained { signals: signals.clone(), spec }, fitted, scored })
        }))
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

/// What a training scored, and what it was told to do.
async fn scored(
    gateway: &Gateway,
    training: &Job,
) -> Result<(ScoredModel, TrainingSpec), ApiError> {
    let artifacts = gateway.parts.jobs.artifacts(training.id).await?;
    let kept = artifacts.iter().any(|pointer| pointer.kind == ArtifactKind::Predictions);
    let spec = TrainingSpec::from_value(&training.spec)?;
    let Some((fitted, scored)) = days(training, &spec).filter(|_| kept) else {
        let message = format!(
            "the training {} left no predictions, or not the days they are of; train again",
            training.id
        );
        return Err(ApiError::conflict("no_scores", message));
    };
    Ok((ScoredModel { session: training.id, fitted, scored }, spec))
}

/// Models that take turns score one market: a backtest is of one dataset, universe and adjustment.
fn refuse_other_markets(
    models: &[(ScoredModel, TrainingSpec)],
    last: &TrainingSpec,
    draft: &BacktestDraft,
) -> Result<(), ApiError> {
    for (model, spec) in models {
        let differs = [
            ("dataset", draft.dataset.is_none() && spec.dataset.name != last.dataset.name),
            ("universe", draft.universe.is_none() && spec.universe != last.universe),
            ("adjustment", draft.adjustment.is_none() && spec.adjustment != last.adjustment),
        ];
        if let Some((what, _)) = differs.into_iter().find(|(_, differs)| *differs) {
            let message = format!(
                "the training {} had another {what} than the last of them; say which by \
                 parameters.{what}, or leave it out",
                model.session
            );
            return Err(ApiError::invalid_field(SESSIONS, "conflict", message));
        }
    }
    Ok(())
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
