use chrono::{NaiveDate, NaiveDateTime};
use thiserror::Error;

/// Why a backtest cannot be run, or ended early.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum BacktestError {
    #[error("{field} is {value}, but must be {expected}")]
    OutOfRange { field: &'static str, value: f64, expected: &'static str },
    #[error("the universe is empty: the data has no instrument to trade")]
    EmptyUniverse,
    #[error("the period ends on {end}, before it starts on {start}: exchange start and end")]
    PeriodReversed { start: NaiveDate, end: NaiveDate },
    #[error(
        "the period {start} to {end} is not inside the data, which reaches from {from} to {to}: \
         choose dates in that range"
    )]
    PeriodOutsideData { start: NaiveDate, end: NaiveDate, from: NaiveDate, to: NaiveDate },
    #[error("the period {start} to {end} holds no bar of the calendar: choose a longer one")]
    EmptyPeriod { start: NaiveDate, end: NaiveDate },
    #[error(
        "deal_price is ${field}, which lies outside of low and high on {outside} of {bars} bars: \
         choose a field of prices"
    )]
    NoPrice { field: String, outside: usize, bars: usize },
    #[error("the data has no field ${field}, which {needed_by} needs: {remedy}")]
    MissingField { field: String, needed_by: &'static str, remedy: &'static str },
    #[error("{instrument} is not in the data: leave it out of the {role} or add its bars")]
    UnknownInstrument { instrument: String, role: &'static str },
    #[error("the {role} has a row of {instrument} at {time}, which is no bar of the data")]
    UnknownTime { role: &'static str, instrument: String, time: NaiveDateTime },
    #[error("the signal has two scores for {instrument} at {time}: keep one")]
    DuplicateScore { instrument: String, time: NaiveDateTime },
    #[error("the score of {instrument} at {time} is not a finite number: leave such rows out")]
    ScoreNotFinite { instrument: String, time: NaiveDateTime },
    #[error("the signal has no score in the period: check its dates and the model's predictions")]
    EmptySignal,
    #[error(
        "${field} of {instrument} at {time} is {value}: a bar needs positive prices up to 9e10; \
         correct the data or leave the bar out"
    )]
    Price { field: &'static str, instrument: String, time: NaiveDateTime, value: f64 },
    #[error(
        "at bar {bar} of the calendar an amount of money or shares is beyond what the ledger \
         holds: use less capital, or another unit of currency"
    )]
    TooLarge { bar: usize },
    #[error("the ledger does not balance: please report this with the configuration")]
    LedgerImbalance,
    #[error("{field} is missing: {remedy}")]
    Incomplete { field: &'static str, remedy: &'static str },
    #[error(
        "account is \"cash\", which sells nothing short, but {needed_by} does: {remedy}account = {{ \
         margin = {{ initial = 0.5, maintenance = 0.25 }} }}"
    )]
    CashAccount { needed_by: &'static str, remedy: &'static str },
    #[error("the market was prepared for another exchange or period: prepare it for this one")]
    OtherMarket,
    #[error("{what} has {found} values, the data has {expected}")]
    Shape { what: &'static str, expected: usize, found: usize },
    #[error("the expression of {field} cannot be computed")]
    Factor {
        field: &'static str,
        #[source]
        source: Box<alphafleet_factors::FactorError>,
    },
}

impl BacktestError {
    /// A stable, machine-readable name of the problem.
    pub fn code(&self) -> &'static str {
        match self {
            Self::OutOfRange { .. } => "out_of_range",
            Self::EmptyUniverse => "empty_universe",
            Self::PeriodReversed { .. } => "period_reversed",
            Self::PeriodOutsideData { .. } => "period_outside_data",
            Self::EmptyPeriod { .. } => "empty_period",
            Self::NoPrice { .. } => "no_price",
            Self::MissingField { .. } => "missing_field",
            Self::UnknownInstrument { .. } => "unknown_instrument",
            Self::UnknownTime { .. } => "unknown_time",
            Self::DuplicateScore { .. } => "duplicate_score",
            Self::ScoreNotFinite { .. } => "score_not_finite",
            Self::EmptySignal => "empty_signal",
            Self::Price { .. } => "price_out_of_range",
            Self::TooLarge { .. } => "amount_too_large",
            Self::LedgerImbalance => "ledger_imbalance",
            Self::Incomplete { .. } => "incomplete",
            Self::CashAccount { .. } => "conflict",
            Self::OtherMarket => "other_market",
            Self::Shape { .. } => "shape_mismatch",
            Self::Factor { source, .. } => source.code(),
        }
    }

    /// The field of the plan that is wrong, where it is one.
    pub(crate) fn field(&self) -> Option<&'static str> {
        match self {
            Self::OutOfRange { field, .. }
            | Self::Incomplete { field, .. }
            | Self::Factor { field, .. } => Some(field),
            Self::CashAccount { .. } => Some("account"),
            Self::PeriodReversed { .. }
            | Self::PeriodOutsideData { .. }
            | Self::EmptyPeriod { .. } => Some("period"),
            _ => None,
        }
    }
}
