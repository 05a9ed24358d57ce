use std::collections::BTreeSet;

use super::chain::Chain;
use crate::indicators::{INDICATORS, Spec};

/// Element-wise operators of one series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Unary {
    Neg,
    Abs,
    Sign,
    Log,
    Not,
}

/// Element-wise operators of two operands, at least one of them a series.
///
/// `Greater` and `Less` are the larger and the smaller of two values, as in Qlib.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Binary {
    Add,
    Sub,
    Mul,
    Div,
    Power,
    Greater,
    Less,
    Gt,
    Ge,
    Lt,
    Le,
    Eq,
    Ne,
    And,
    Or,
}

impl Binary {
    /// Whether the result is a condition, whatever the operands are.
    pub(crate) fn compares(self) -> bool {
        matches!(self, Self::Gt | Self::Ge | Self::Lt | Self::Le | Self::Eq | Self::Ne)
    }
}

/// Operators over a trailing window of one series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Rolling {
    Mean,
    Sum,
    Std,
    Var,
    Skew,
    Kurt,
    Max,
    Min,
    IdxMax,
    IdxMin,
    Med,
    Mad,
    Rank,
    Count,
    Slope,
    Rsquare,
    Resi,
    Wma,
    Product,
    DecayLinear,
}

/// Operators that reach for a bar at a fixed distance.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Shift {
    Ref,
    Delta,
}

/// Operators over a trailing window of two series.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Pair {
    Corr,
    Cov,
}

/// Operators over the instruments of one bar. An instrument takes part where it has a value and its
/// own bar at that time.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Cross {
    /// Rank from 1 as a share of the instruments; equals share their mean rank.
    Rank,
    /// Less the mean, over the standard deviation (one degree of freedom).
    ZScore,
    /// Multiplied so that the absolute values sum to this.
    Scale(f64),
    /// Clipped to this quantile and its mirror.
    Winsorize(f64),
    /// Less the mean of the instruments with the same group value.
    Neutralize,
}

/// A technical indicator, by its place in the table of [`indicators`](crate::indicators).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct IndicatorId(usize);

impl IndicatorId {
    pub(crate) fn named(name: &str) -> Option<Self> {
        INDICATORS.iter().position(|spec| spec.name == name).map(Self)
    }

    pub fn spec(self) -> &'static Spec {
        &INDICATORS[self.0]
    }

    /// The first indicator that reads its outputs off the same machine.
    pub(crate) fn of_family(self) -> Self {
        let family = self.spec().family;
        INDICATORS.iter().position(|spec| spec.family == family).map_or(self, Self)
    }
}

/// One part of an expression. Windows are in bars; 0 means everything since the first bar.
///
/// A sum of many terms is a chain of binary operators on the left, as deep as it is long: see
/// `Chain`.
#[derive(Debug, PartialEq)]
pub enum Node {
    Field(String),
    /// A field by period, `$$name`; only within [`Node::PointInTime`].
    PeriodField(String),
    /// What was known on each bar's day of an expression over periods: its value of the newest
    /// period, or of the given one. Windows and distances within are in periods.
    PointInTime(Box<Node>, Option<u32>),
    Number(f64),
    Unary(Unary, Box<Node>),
    Binary(Binary, Box<Node>, Box<Node>),
    If(Box<Node>, Box<Node>, Box<Node>),
    Rolling(Rolling, Box<Node>, usize),
    /// Positive distances look back, negative ones ahead; 0 means the first bar.
    Shift(Shift, Box<Node>, i64),
    Quantile(Box<Node>, usize, f64),
    /// A span in bars, or a smoothing factor between 0 and 1; 0 means expanding.
    Ema(Box<Node>, f64),
    Pair(Pair, Box<Node>, Box<Node>, usize),
    /// The second series names the groups, for the operator that has any.
    Cross(Cross, Box<Node>, Option<Box<Node>>),
    /// With all its numbers. It reads fields in double precision, as TA-Lib does.
    Indicator(IndicatorId, Vec<Node>, Vec<f64>),
}

impl Node {
    /// Its parts; of a chain of binary operators the operands of all of them, left to right.
    pub(crate) fn children(&self) -> Vec<&Node> {
        match self {
            Self::Binary(..) => {
                let Chain { first, rest } = Chain::of(self);
                std::iter::once(first).chain(rest.into_iter().map(|(_, right)| right)).collect()
            }
            Self::Field(_) | Self::PeriodField(_) | Self::Number(_) => vec![],
            Self::Unary(_, a)
            | Self::PointInTime(a, _)
            | Self::Rolling(_, a, _)
            | Self::Shift(_, a, _)
            | Self::Quantile(a, _, _)
            | Self::Ema(a, _) => vec![a],
            Self::Pair(_, a, b, _) => vec![a, b],
            Self::If(a, b, c) => vec![a, b, c],
            Self::Indicator(_, args, _) => args.iter().collect(),
            Self::Cross(_, a, group) => {
                std::iter::once(a).chain(group).map(|part| &**part).collect()
            }
        }
    }

    pub(crate) fn has_indicator(&self) -> bool {
        matches!(self, Self::Indicator(..)) || self.children().into_iter().any(Self::has_indicator)
    }

    pub(crate) fn has_cross_section(&self) -> bool {
        matches!(self, Self::Cross(..)) || self.children().into_iter().any(Self::has_cross_section)
    }

    pub(crate) fn collect_fields<'a>(&'a self, fields: &mut BTreeSet<&'a str>) {
        if let Self::Field(name) = self {
            fields.insert(name);
        }
        for child in self.children() {
            child.collect_fields(fields);
        }
    }

    pub(crate) fn collect_period_fields<'a>(&'a self, fields: &mut BTreeSet<&'a str>) {
        if let Self::PeriodField(name) = self {
            fields.insert(name);
        }
        for child in self.children() {
            child.collect_period_fields(fields);
        }
    }

    /// The first part that reads announcements.
    pub(crate) fn point_in_time(&self) -> Option<&Node> {
        match self {
            Self::PointInTime(..) => Some(self),
            _ => self.children().into_iter().find_map(Self::point_in_time),
        }
    }

    /// The latest bar, relative to the present one, whose data can change the value;
    /// `None` for a constant.
    pub(crate) fn newest_bar(&self) -> Option<i64> {
        let inner = || self.children().into_iter().filter_map(Node::newest_bar).max();
        match self {
            Self::Field(_) | Self::PeriodField(_) | Self::PointInTime(..) => Some(0),
            Self::Shift(Shift::Ref, _, distance) => inner().map(|bar| bar - distance),
            Self::Shift(Shift::Delta, _, distance) => inner().map(|bar| bar - distance.min(&0)),
            _ => inner(),
        }
    }

    /// The oldest bar, relative to the present one, whose data can change the value;
    /// `None` where that is all of the past.
    pub(crate) fn oldest_bar(&self) -> Option<i64> {
        let inner = || {
            let bars: Option<Vec<i64>> =
                self.children().into_iter().map(Node::oldest_bar).collect();
            bars.map(|bars| bars.into_iter().min().unwrap_or(0))
        };
        let window = |bars: usize| i64::try_from(bars).ok().filter(|bars| *bars > 0);
        match self {
            // Announcements are no bars: however old, they are at hand.
            Self::Field(_) | Self::PeriodField(_) | Self::PointInTime(..) | Self::Number(_) => {
                Some(0)
            }
            Self::Shift(_, _, 0) | Self::Ema(..) | Self::Indicator(..) => None,
            Self::Shift(Shift::Ref, _, distance) => inner().map(|bar| bar - distance),
            Self::Shift(Shift::Delta, _, distance) => inner().map(|bar| bar - distance.max(&0)),
            Self::Rolling(_, _, bars) | Self::Quantile(_, bars, _) | Self::Pair(_, _, _, bars) => {
                Some(inner()? - (window(*bars)? - 1))
            }
            _ => inner(),
        }
    }

    /// The value of a part without fields, in Python's arithmetic.
    pub(crate) fn constant(&self) -> Option<f64> {
        let Chain { first, rest } = Chain::of(self);
        let mut value = match first {
            Self::Number(value) => *value,
            Self::Unary(Unary::Neg, a) => -a.constant()?,
            _ => return None,
        };
        for (op, right) in rest {
            let right = right.constant()?;
            value = match op {
                Binary::Add => value + right,
                Binary::Sub => value - right,
                Binary::Mul => value * right,
                Binary::Div => value / right,
                Binary::Power => value.powf(right),
                _ => return None,
            };
        }
        Some(value)
    }
}
