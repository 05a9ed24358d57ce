use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::document::read;
use super::{Axis, KeyFigures, PlanFault};

/// What a sweep tries, by what its runs are ranked, and whether choosing itself is put to the test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct SweepConfig {
    /// 1 to 8 fields of the plan; all combinations of their values are run, at most 100,000.
    #[schemars(length(min = 1, max = 8))]
    pub axes: Vec<Axis>,
    #[serde(default)]
    pub objective: Objective,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub walk_forward: Option<WalkForwardConfig>,
}

impl SweepConfig {
    /// Reads a document with `axes`, and perhaps `objective` and `walk_forward`.
    ///
    /// # Errors
    /// The first fault found, with the path of its field. Axes are checked with a plan, by
    /// [`Grid::new`](super::Grid::new).
    pub fn from_value(document: &Value) -> Result<Self, PlanFault> {
        let config: Self = read("", document.clone())?;
        if let Some(walk) = &config.walk_forward {
            walk.validate()?;
        }
        Ok(config)
    }

    /// How many combinations the axes' values make, whether or not they can be run.
    pub fn configurations(&self) -> usize {
        self.axes.iter().fold(1, |len, axis| axis.values.len().saturating_mul(len))
    }
}

/// By which figure of a run, after costs, the best is chosen.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Objective {
    #[default]
    Sharpe,
    Sortino,
    Calmar,
    TotalReturn,
    /// The run that fell least.
    MaxDrawdown,
}

impl Objective {
    /// The figure's name.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Sharpe => "sharpe",
            Self::Sortino => "sortino",
            Self::Calmar => "calmar",
            Self::TotalReturn => "total_return",
            Self::MaxDrawdown => "max_drawdown",
        }
    }

    /// The figure: greater is better, none is worst.
    pub fn of(self, figures: &KeyFigures) -> Option<f64> {
        match self {
            Self::Sharpe => figures.sharpe,
            Self::Sortino => figures.sortino,
            Self::Calmar => figures.calmar,
            Self::TotalReturn => figures.total_return,
            Self::MaxDrawdown => Some(figures.max_drawdown),
        }
    }

    /// Whether a run is better than another; of two that are alike, neither.
    pub fn is_better(self, one: &KeyFigures, other: &KeyFigures) -> bool {
        match (self.of(one), self.of(other)) {
            (Some(one), Some(other)) => one > other,
            (one, other) => one.is_some() && other.is_none(),
        }
    }
}

/// Windows of a walk-forward test, in trading days of the period. Each window's choice is made on
/// `train` days and run, from cash, on the `test` days after them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct WalkForwardConfig {
    #[schemars(range(min = 2))]
    pub train: usize,
    #[schemars(range(min = 1))]
    pub test: usize,
    /// From one window's begin to the next; `test` unless given, and no less: the days judged
    /// must not overlap.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub step: Option<usize>,
}

impl WalkForwardConfig {
    pub fn step(&self) -> usize {
        self.step.unwrap_or(self.test)
    }

    /// How many windows so many trading days have room for, with at least one day to judge in each.
    pub fn windows(&self, days: usize) -> usize {
        days.saturating_sub(self.train).div_ceil(self.step().max(1))
    }

    /// Refuses windows that are empty or overlap where they are judged.
    pub fn validate(&self) -> Result<(), PlanFault> {
        let refuse = |field: &str, message: String| {
            Err(PlanFault::new(&format!("walk_forward.{field}"), "out_of_range", message))
        };
        if self.train < 2 {
            return refuse("train", format!("is {}, but must be at least 2 days", self.train));
        }
        if self.test < 1 {
            return refuse("test", "is 0, but must be at least 1 day".to_owned());
        }
        if self.step() < self.test {
            let message = format!("is {}, but must be at least test, {}", self.step(), self.test);
            return refuse("step", message);
        }
        Ok(())
    }
}
