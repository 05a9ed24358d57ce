//! The bodies of the HTTP API.

mod auth;
mod dataset;
mod experiment;
mod model;
mod problem;
mod session;
mod strategy;
mod system;

pub use auth::{
    AuditList, AuditView, CreateUser, Login, SetPassword, Setup, SetupStatus, SocketTicket, Token,
    UserList, UserView,
};
pub use dataset::{DatasetList, DatasetVersionList, DatasetVersionView, DatasetView, ImportQuery};
pub use experiment::{ExperimentList, ExperimentView};
pub use model::{ModelList, ModelView};
pub use problem::{FieldFault, Problem};
pub use session::{
    ArtifactList, ArtifactView, LogList, MetricList, SessionList, SessionStatus, SessionView,
    SubmitProbe,
};
pub use strategy::{StrategyBody, StrategyList, StrategyView, TemplateList, TemplateView};
pub use system::{
    Health, ModelType, ModelTypeList, Readiness, ReadinessCheck, WorkerList, WorkerView,
};
