use chrono::NaiveDateTime;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::options::EffectivenessOptions;
use crate::finding::Finding;

/// The version of the report's JSON form.
pub const EFFECTIVENESS_SCHEMA_VERSION: u32 = 1;

/// How well factors foretold returns. What is not defined is null, never a NaN.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct EffectivenessReport {
    /// [`EFFECTIVENESS_SCHEMA_VERSION`].
    pub schema_version: u32,
    /// As they were used.
    pub options: EffectivenessOptions,
    /// First and last bar of the calendar.
    pub start: NaiveDateTime,
    pub end: NaiveDateTime,
    pub bars: usize,
    pub instruments: usize,
    /// One a horizon, in the order of the options.
    pub returns: Vec<ForwardReturn>,
    /// Calendar years of the data; the years' figures follow them.
    pub years: Vec<String>,
    /// Calendar months of the data, e.g. `2017-03`; the months' figures follow them.
    pub months: Vec<String>,
    /// The bars that curves have a point at.
    pub curve_times: Vec<NaiveDateTime>,
    /// The bars of [`HorizonEffectiveness::series`]; empty unless the options ask for it.
    pub series_times: Vec<NaiveDateTime>,
    /// In the order given.
    pub factors: Vec<FactorEffectiveness>,
    /// Of the data as a whole.
    pub findings: Vec<Finding>,
}

/// What a factor is held against.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ForwardReturn {
    /// In bars.
    pub horizon: usize,
    pub expression: String,
    /// Share of the cells (listed bars of all instruments) that have one.
    pub coverage: f64,
}

/// One factor's figures.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct FactorEffectiveness {
    pub name: String,
    pub expression: String,
    pub coverage: Coverage,
    /// One a horizon, in the order of the options: the decay of the factor's knowledge.
    pub horizons: Vec<HorizonEffectiveness>,
    pub half_life: HalfLife,
    /// At a lag of one bar and of each horizon, ascending.
    pub turnover: Vec<Turnover>,
    pub curves: Curves,
    /// One a universe of the options.
    pub universes: Vec<SubsetEffectiveness>,
    /// One a value of the options' group field, ascending; of the primary horizon.
    pub groups: Vec<SubsetEffectiveness>,
    pub findings: Vec<Finding>,
}

/// How many of the listed instruments have a value.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Coverage {
    /// Listed bars of all instruments.
    pub cells: usize,
    /// Cells with a finite value.
    pub present: usize,
    /// Cells with an infinite value, which counts as missing.
    pub infinite: usize,
    /// Mean of the bars' shares of instruments with a value.
    pub mean: Option<f64>,
    /// Least of the bars' shares.
    pub least: Option<f64>,
    /// Bars on which no instrument has a value.
    pub bars_without: usize,
    /// Bars on which at least two instruments have a value and all values are equal.
    pub bars_constant: usize,
}

/// A factor against the return over one horizon.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct HorizonEffectiveness {
    /// In bars.
    pub horizon: usize,
    /// Of the bars' Pearson correlations.
    pub ic: IcStatistics,
    /// Of the bars' Spearman correlations, equals sharing their mean rank.
    pub rank_ic: IcStatistics,
    /// Mean number of instruments with both values, over the bars that have an IC.
    pub instruments: Option<f64>,
    pub quantiles: QuantileReturns,
    /// Follows the report's years.
    pub years: PeriodIc,
    /// Follows the report's months.
    pub months: PeriodIc,
    /// Where the options ask for it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub series: Option<IcSeries>,
}

/// A series of ICs in figures.
///
/// `t` is the mean over `std / √n`. `t_newey_west` takes the long-run variance with Bartlett's
/// weights (Newey and West 1987), as returns over several bars overlap. Both p-values are
/// two-sided, of Student's t with `n − 1` degrees of freedom.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct IcStatistics {
    /// Bars that have an IC.
    pub bars: usize,
    pub mean: Option<f64>,
    /// One degree of freedom.
    pub std: Option<f64>,
    /// Mean over `std`, not annualised.
    pub icir: Option<f64>,
    /// `icir` times the root of the periods per year.
    pub icir_annualised: Option<f64>,
    pub t: Option<f64>,
    pub p_value: Option<f64>,
    pub t_newey_west: Option<f64>,
    pub p_value_newey_west: Option<f64>,
    pub newey_west_lags: usize,
    /// Share of the bars with an IC above 0.
    pub positive: Option<f64>,
    /// Adjusted Fisher–Pearson skewness, as in pandas.
    pub skew: Option<f64>,
}

/// Mean ICs of consecutive periods; null for a period without any.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct PeriodIc {
    pub ic: Vec<Option<f64>>,
    pub rank_ic: Vec<Option<f64>>,
}

/// Each bar's IC; null for a bar without.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct IcSeries {
    pub ic: Vec<Option<f32>>,
    pub rank_ic: Vec<Option<f32>>,
    /// Instruments with both values.
    pub instruments: Vec<u32>,
}

/// Forward returns of groups by factor, from the lowest factor up.
///
/// A bar's instruments are parted at the quantiles of their ranks as `pandas.qcut` does; equals
/// have their mean rank and so stay together. A bar on which the factor has fewer values than
/// groups, or equal values alone, has no groups. Within a bar a group's return is its members'
/// plain mean.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct QuantileReturns {
    /// Mean over bars of each group's return over the horizon.
    pub mean: Vec<Option<f64>>,
    /// Mean number of members, over the bars that have groups.
    pub members: Vec<Option<f64>>,
    /// Top group less bottom group.
    pub spread: SpreadStatistics,
    /// Spearman correlation of group number and mean return: 1 where the means rise throughout.
    pub monotonicity: Option<f64>,
}

/// The return of the top group less that of the bottom group, bar by bar: one unit of capital long
/// and one short. alphalens-reloaded puts half a unit in each, so that its mean is half of this.
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct SpreadStatistics {
    /// Bars on which both groups have a return.
    pub bars: usize,
    pub mean: Option<f64>,
    /// One degree of freedom.
    pub std: Option<f64>,
    /// Mean over `std`, times the root of (periods per year over horizon); no riskless rate, no
    /// costs, the overlap of the returns not corrected.
    pub sharpe_annualised: Option<f64>,
    /// As in [`IcStatistics`].
    pub t_newey_west: Option<f64>,
    pub p_value_newey_west: Option<f64>,
    /// Share of the bars with a spread above 0.
    pub positive: Option<f64>,
}

/// Bars until half of the mean IC is gone: `ln 2 / λ` of the least-squares line through
/// `ln |mean IC|` by horizon.
///
/// Null unless at least three horizons have a mean IC, all of one sign, the line falls, and it
/// explains at least half of the variance (R² ≥ 0.5).
#[derive(Debug, Clone, Copy, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct HalfLife {
    pub ic: Option<f64>,
    pub rank_ic: Option<f64>,
}

/// How much of a factor's order is new after some bars.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Turnover {
    /// In bars.
    pub lag: usize,
    /// Mean share of the top group's members who were not in it `lag` bars before.
    pub top: Option<f64>,
    pub bottom: Option<f64>,
    /// Mean Spearman correlation of the factor with itself `lag` bars before, over the instruments
    /// that have both.
    pub rank_autocorrelation: Option<f64>,
}

/// Sums over time of the primary horizon, at the report's `curve_times`.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize, JsonSchema)]
pub struct Curves {
    /// Sum of the ICs up to and with the bar.
    pub ic: Vec<f32>,
    pub rank_ic: Vec<f32>,
    /// For each group, from the lowest factor up, the sum of its returns over the horizon divided
    /// by the horizon: every bar a further share of the capital is put in. Not compounded.
    pub quantiles: Vec<Vec<f32>>,
    /// Top less bottom group, where both have a return.
    pub spread: Vec<f32>,
    /// Share of the listed instruments with a value at that bar.
    pub coverage: Vec<Option<f32>>,
}

/// A factor's ICs among some of the instruments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubsetEffectiveness {
    /// Of the universe, or the group's number.
    pub name: String,
    pub horizons: Vec<SubsetIc>,
}

/// ICs of one horizon among some of the instruments.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct SubsetIc {
    /// In bars.
    pub horizon: usize,
    pub ic: IcStatistics,
    pub rank_ic: IcStatistics,
}
