//! Factors: Qlib's expression language over a panel, technical indicators, published sets, and the
//! road from features to a matrix a model is fitted on.
//!
//! [`Expr`] is a parsed formula, [`compute`] runs formulas over a [`Panel`](alphafleet_market::Panel)
//! with Qlib's arithmetic, [`alpha101`], [`alpha158`] and [`alpha360`] name known sets. [`Segments`]
//! split the calendar without leaks, [`Matrix`] holds rows by bar, [`FittedPipeline`] prepares
//! them, and [`ic_series`] judges what a model made of them. [`evaluate`] tells how well
//! factors foretell returns, [`FactorStream`] computes them bar by bar. Everything is pure.

mod cells;
mod correlation;
mod effectiveness;
mod engine;
mod error;
mod expr;
mod finding;
mod frame;
mod ic;
pub mod indicators;
#[cfg(test)]
mod judge;
mod matrix;
mod named;
mod parts;
mod periods;
mod processors;
mod segments;
mod sets;
mod stream;
mod windows;

pub use cells::Cells;
pub use correlation::pearson;
pub use effectiveness::{
    Coverage, Curves, EFFECTIVENESS_SCHEMA_VERSION, EffectivenessOptions, EffectivenessReport,
    Evaluation, FactorEffectiveness, ForwardReturn, HalfLife, HorizonEffectiveness, IcSeries,
    IcStatistics, MAX_FACTORS, MAX_GROUPS, MAX_HORIZON, MAX_HORIZONS, MAX_QUANTILES, MAX_UNIVERSES,
    Members, NamedUniverse, PeriodIc, QuantileReturns, SpreadStatistics, SubsetEffectiveness,
    SubsetIc, Turnover, evaluate,
};
pub use engine::{Cell, MOST_THREADS, compute, compute_double};
pub use error::FactorError;
pub use expr::{
    Binary, Cross, Expr, ExprError, IndicatorId, MAX_DEPTH, MAX_NODES, MAX_SOURCE_BYTES, Node,
    Pair, Rolling, Shift, Unary,
};
pub use finding::Finding;
pub use frame::FeatureFrame;
pub use ic::{BarIc, IcSummary, ic_series, summarise_ic};
pub use matrix::{Matrix, Row};
pub use named::{NamedExpr, validate_feature, validate_features};
pub use parts::instrument_parts;
pub use processors::{FittedPipeline, FittedProcessor, Phase, Processor, Scale, Target};
pub use segments::{DateRange, Purge, SegmentBars, SegmentError, Segments};
pub use sets::{
    DEFAULT_LABEL, INDICATOR_SET, alpha101, alpha101_sources, alpha158, alpha158_sources, alpha360,
    alpha360_sources, default_label, indicator_sources, keep_available,
};
pub use stream::{FactorStream, StreamError, compute_keeping, is_incremental};
