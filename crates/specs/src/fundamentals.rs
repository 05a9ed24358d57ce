//! Which fields by period a specification reads, and what is wrong where the data lack one.

use std::collections::BTreeSet;

use alphafleet_domain::DatasetVersion;
use alphafleet_factors::Expr;
use serde_json::Value;

use crate::{
    BacktestSpec, BacktestSweepSpec, Fault, FaultCode, Faults, FeatureComputationSpec, Features,
    TrainingSpec,
};

/// What a specification reads of the announcements beside its bars, expression by expression.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fundamentals {
    readings: Vec<Reading>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct Reading {
    /// Where the expression is, such as `features.expressions[2]`.
    at: String,
    /// Without its `$$`.
    field: String,
}

impl Fundamentals {
    /// Of one expression at this place. What is no expression reads nothing: it is refused
    /// elsewhere.
    pub fn of_expression(at: &str, text: &str) -> Self {
        let expr = Expr::parse(text).ok();
        let fields: Vec<String> = expr.iter().flat_map(Expr::period_fields).map(owned).collect();
        let reading = |field| Reading { at: at.to_owned(), field };
        Self { readings: fields.into_iter().map(reading).collect() }
    }

    /// Whether nothing is read.
    pub fn is_empty(&self) -> bool {
        self.readings.is_empty()
    }

    /// The fields without their `$$`.
    pub fn fields(&self) -> BTreeSet<String> {
        self.readings.iter().map(|reading| reading.field.clone()).collect()
    }

    /// Refuses every field that the version does not have, by name and place. `dataset` is what
    /// the data is called.
    pub fn check(&self, dataset: &str, version: &DatasetVersion) -> Result<(), Faults> {
        let known = version.period_fields();
        let missing = self.readings.iter().filter(|reading| !known.contains(&reading.field));
        let faults: Vec<Fault> = missing
            .map(|Reading { at, field }| {
                let message = format!("reads $${field}, and {}", has(dataset, known));
                Fault::new(at, FaultCode::UnknownPeriodField, message)
            })
            .collect();
        if faults.is_empty() { Ok(()) } else { Err(Faults(faults)) }
    }

    fn add(mut self, other: Self) -> Self {
        self.readings.extend(other.readings);
        self
    }
}

fn has(dataset: &str, known: &[String]) -> String {
    const LISTED: usize = 8;
    if known.is_empty() {
        return format!(
            "dataset {dataset:?} has no announcements: put a table of them beside its bars"
        );
    }
    let listed: Vec<String> = known.iter().take(LISTED).map(|field| format!("$${field}")).collect();
    let more = if known.len() > LISTED { ", …" } else { "" };
    format!("the announcements of dataset {dataset:?} are of {}{more}", listed.join(", "))
}

fn owned(text: &str) -> String {
    text.to_owned()
}

impl Features {
    /// What their own expressions read; the sets read bars alone.
    pub fn fundamentals(&self) -> Fundamentals {
        let own = self.expressions.iter().enumerate().map(|(at, feature)| {
            Fundamentals::of_expression(&format!("features.expressions[{at}]"), &feature.expression)
        });
        own.fold(Fundamentals::default(), Fundamentals::add)
    }
}

impl FeatureComputationSpec {
    pub fn fundamentals(&self) -> Fundamentals {
        self.features.fundamentals()
    }
}

impl TrainingSpec {
    /// What the features and the label read.
    pub fn fundamentals(&self) -> Fundamentals {
        let label = &self.label.expression;
        self.features.fundamentals().add(Fundamentals::of_expression("label.expression", label))
    }
}

impl BacktestSpec {
    /// What the plan's rules and limits read.
    pub fn fundamentals(&self) -> Fundamentals {
        let expressions = self.plan.expressions().into_iter();
        let of = |(at, text): (&str, &str)| Fundamentals::of_expression(at, text);
        expressions.map(of).fold(Fundamentals::default(), Fundamentals::add)
    }
}

impl BacktestSweepSpec {
    /// What the plan reads, and whatever the axes put in its place.
    pub fn fundamentals(&self) -> Fundamentals {
        let mut all = self.backtest.fundamentals();
        for (axis, of) in self.sweep.axes.iter().enumerate() {
            for (at, value) in of.values.iter().enumerate() {
                let mut texts = Vec::new();
                gather(value, &mut texts);
                let place = format!("axes[{axis}].values[{at}]");
                let each = |text: &&str| Fundamentals::of_expression(&place, text);
                all = texts.iter().map(each).fold(all, Fundamentals::add);
            }
        }
        all
    }
}

/// The texts of a value, however deep.
fn gather<'a>(value: &'a Value, texts: &mut Vec<&'a str>) {
    match value {
        Value::String(text) => texts.push(text),
        Value::Array(items) => items.iter().for_each(|item| gather(item, texts)),
        Value::Object(fields) => fields.values().for_each(|field| gather(field, texts)),
        Value::Null | Value::Bool(_) | Value::Number(_) => {}
    }
}
