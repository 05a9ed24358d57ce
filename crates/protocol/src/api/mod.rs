//! The bodies of the HTTP API.

mod auth;
mod backtest;
mod callback;
mod dataset;
mod experiment;
mod feature;
mod live;
mod model;
mod problem;
mod remote;
mod session;
mod strategy;
mod system;

pub use auth::{
    AuditList, AuditView, CreateUser, Login, SetPassword, Setup, SetupStatus, SocketTicket, Token,
    UserList, UserView,
};
pub use backtest::{BacktestComparison, ComparedBacktest, ComparedField, ComparedFigure};
pub use callback::{CallbackStateName, CallbackView, WebhookSecret};
pub use dataset::{
    AnnouncementsQuery, AnnouncementsView, DatasetList, DatasetVersionList, DatasetVersionView,
    DatasetView, ImportQuery,
};
pub use experiment::{ExperimentList, ExperimentView};
pub use feature::{
    FeatureBody, FeatureList, FeatureSetDetail, FeatureSetList, FeatureSetView, FeatureValueList,
    FeatureValueRow, FeatureVersionList, FeatureVersionView, FeatureView, FormulaBody, FormulaView,
    NamedFormula,
};
pub use live::{SessionFollowers, SocketStats, UserSockets};
pub use model::{ModelList, ModelView};
pub use problem::{FieldFault, Problem};
pub use remote::{TaskAccepted, TaskFrame, TaskId, TaskView};
pub use session::{
    ArtifactList, ArtifactView, LogList, MetricList, ResourceList, SessionBatch, SessionList,
    SessionStatus, SessionView, SubmitProbe, SubmitProbes,
};
pub use strategy::{
    BacktestPeriod, StrategyBody, StrategyList, StrategyView, TemplateList, TemplateView,
};
pub use system::{
    Health, ModelType, ModelTypeList, Readiness, ReadinessCheck, WorkerList, WorkerView,
};
