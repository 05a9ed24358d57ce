//! Training: from a panel of bars to a fitted model, its predictions and report.
//!
//! [`run`] is the whole pipeline as a plain function, told everything it needs and speaking
//! through a [`Sink`]; [`TrainingHandler`] serves it to a worker's child process.
//! [`FeatureHandler`] computes features into the cache, [`EvaluationHandler`] judges how well they
//! foretell returns; [`ProbeHandler`] does as it is told, for tests and measurements of a fleet.

mod evaluation;
mod features;
mod handler;
mod pipeline;
mod probe;
mod threads;

pub use evaluation::EvaluationHandler;
pub use features::FeatureHandler;
pub use handler::{TrainingHandler, load};
pub use pipeline::{
    Bars, Blame, Run, RunDataset, Sink, Stage, StageProgress, Stop, TrainError, Trained, matrices,
    run, usable,
};
pub use probe::ProbeHandler;
