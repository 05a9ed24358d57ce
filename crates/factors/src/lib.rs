//! Factors: Qlib's expression language over a panel, Alpha158, and the road from features to a
//! matrix a model is fitted on.
//!
//! [`Expr`] is a parsed formula, [`compute`] runs formulas over a [`Panel`](alphafleet_market::Panel)
//! with Qlib's arithmetic, [`alpha158`] names its best-known set. [`Segments`] split the calendar
//! without leaks, [`Matrix`] holds rows by bar, [`FittedPipeline`] prepares them, and
//! [`ic_series`] judges what a model made of them. [`evaluate`] tells how well factors foretell
//! returns. Everything is pure.

mod alpha158;
mod correlation;
mod effectiveness;
mod error;
mod eval;
mod expr;
mod finding;
mod ic;
mod kernels;
mod matrix;
mod named;
mod processors;
mod segments;

pub use alpha158::{DEFAULT_LABEL, alpha158, alpha158_sources, default_label, keep_available};
pub use correlation::pearson;
pub use effectiveness::{
    Coverage, Curves, EFFECTIVENESS_SCHEMA_VERSION, EffectivenessOptions, EffectivenessReport,
    FactorEffectiveness, ForwardReturn, HalfLife, HorizonEffectiveness, IcSeries, IcStatistics,
    MAX_FACTORS, MAX_GROUPS, MAX_HORIZON, MAX_HORIZONS, MAX_QUANTILES, MAX_UNIVERSES, Members,
    NamedUniverse, PeriodIc, QuantileReturns, SpreadStatistics, SubsetEffectiveness, SubsetIc,
    Turnover, evaluate,
};
pub use error::FactorError;
pub use eval::{FeatureFrame, compute};
pub use expr::{
    Binary, Expr, ExprError, MAX_DEPTH, MAX_NODES, MAX_SOURCE_BYTES, Node, Pair, Rolling, Shift,
    Unary,
};
pub use finding::Finding;
pub use ic::{BarIc, IcSummary, ic_series, summarise_ic};
pub use matrix::{Matrix, Row};
pub use named::{NamedExpr, validate_feature, validate_features};
pub use processors::{FittedPipeline, FittedProcessor, Phase, Processor, Scale, Target};
pub use segments::{DateRange, Purge, SegmentBars, SegmentError, Segments};
