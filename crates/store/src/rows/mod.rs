//! Rows as the tables hold them, joined to the domain's types by `From` and `TryFrom`.

mod audit;
mod best_figure;
mod callback;
mod catalogue;
mod feature;
mod job;
mod job_parts;
mod read;
mod user;
mod worker;

pub(crate) use audit::{AuditRow, NewAuditRow};
pub(crate) use best_figure::BestFigureRow;
pub(crate) use callback::CallbackRow;
pub(crate) use catalogue::{DatasetRow, ExperimentRow, ModelRow, StrategyRow, VersionRow};
pub(crate) use feature::{CacheRow, FeatureChange, FeatureRow, FormulaRow};
pub(crate) use job::{AttemptEnd, Candidate, JobRow, JobUpdate};
pub(crate) use job_parts::{
    ArtifactRow, AttemptRow, LogRow, MetricRow, NewOutboxRow, OutboxRow, ResourceRow, StageRow,
    bounded,
};
pub(crate) use read::{document, saturating, unsigned};
pub(crate) use user::UserRow;
pub(crate) use worker::WorkerRowData;
