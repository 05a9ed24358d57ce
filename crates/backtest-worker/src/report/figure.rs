use std::borrow::Cow;

use serde::{Deserialize, Serialize};

/// What a figure's number is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    /// A fraction that people read as percent: 0.01 is one percent.
    Fraction,
    /// A plain number, such as a Sharpe ratio.
    Ratio,
    /// In the currency of the capital.
    Money,
    Count,
    Bars,
}

/// A number with what it means.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Figure {
    /// Stable, unique in a report.
    pub name: Cow<'static, str>,
    pub label: Cow<'static, str>,
    pub unit: Unit,
    /// None where the run leaves it undefined; never NaN.
    pub value: Option<f64>,
    /// Definition, with what it is annualised by.
    pub convention: Cow<'static, str>,
}

/// Figures that are read together.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct FigureGroup {
    pub name: Cow<'static, str>,
    pub title: Cow<'static, str>,
    pub figures: Vec<Figure>,
}

/// A figure before its value is known.
type Definition = (&'static str, &'static str, &'static str);

impl FigureGroup {
    pub(super) fn new(name: &'static str, title: &'static str) -> Self {
        Self { name: name.into(), title: title.into(), figures: Vec::new() }
    }

    /// `definition` is name, label and convention.
    pub(super) fn with(
        mut self,
        unit: Unit,
        definition: Definition,
        value: impl Into<Option<f64>>,
    ) -> Self {
        let (name, label, convention) = definition;
        self.push(Figure {
            name: name.into(),
            label: label.into(),
            unit,
            value: value.into(),
            convention: convention.into(),
        });
        self
    }

    pub(super) fn push(&mut self, figure: Figure) {
        // Sums of nothing are −0, which adding 0 makes 0.
        let value = figure.value.filter(|value| value.is_finite()).map(|value| value + 0.0);
        self.figures.push(Figure { value, ..figure });
    }

    /// The figures with `prefix.` before each name.
    pub(super) fn prefixed(mut self, prefix: &str) -> Self {
        for figure in &mut self.figures {
            figure.name = format!("{prefix}.{}", figure.name).into();
        }
        self
    }
}
