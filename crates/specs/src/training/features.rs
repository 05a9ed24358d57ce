use std::collections::BTreeSet;

use alphafleet_factors::{alpha101_sources, alpha158_sources, alpha360_sources, indicator_sources};
use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::origin::{self, FeatureOrigin};
use crate::FaultCode;
use crate::expression::{self, Horizon};
use crate::reader::Reader;

/// The return from tomorrow's close to that of the day after: what an order placed after today's
/// close can earn.
pub const DEFAULT_LABEL: &str = "Ref($close, -2)/Ref($close, -1) - 1";

const MOST_EXPRESSIONS: usize = 2_000;
const LONGEST_EXPRESSION: usize = 4_096;
const LONGEST_NAME: usize = 128;
/// Columns that stand beside the features in every table.
const RESERVED: [&str; 3] = ["LABEL0", "instrument", "datetime"];

/// A published collection of features.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum FeatureSet {
    /// Qlib's 158 price and volume factors.
    Alpha158,
    /// Qlib's 360: prices and volume of the last 60 bars.
    Alpha360,
    /// WorldQuant's 101 Formulaic Alphas; those that read fields the data lack are left out.
    Alpha101,
    /// Technical indicators with their usual parameters, equal to TA-Lib's.
    Indicators,
}

impl FeatureSet {
    pub const ALL: [Self; 4] = [Self::Alpha158, Self::Alpha360, Self::Alpha101, Self::Indicators];

    /// The name in documents.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Alpha158 => "alpha158",
            Self::Alpha360 => "alpha360",
            Self::Alpha101 => "alpha101",
            Self::Indicators => "indicators",
        }
    }

    /// Reads a name, without case.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|set| set.name().eq_ignore_ascii_case(text.trim()))
    }

    /// Its features, each a name with its expression.
    pub fn sources(self) -> Vec<(String, String)> {
        match self {
            Self::Alpha158 => alpha158_sources(),
            Self::Alpha360 => alpha360_sources(),
            Self::Alpha101 => alpha101_sources(),
            Self::Indicators => indicator_sources(),
        }
    }
}

/// A named expression of the factor language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Feature {
    /// At most 128 printable characters, or the expression itself. Not `LABEL0`, `instrument`,
    /// `datetime` or a name of the chosen set.
    #[schemars(length(min = 1, max = 4_096))]
    pub name: String,
    /// Or `feature:NAME`, one of your own by its name, until the run is submitted.
    #[schemars(length(min = 1, max = 4_096))]
    pub expression: String,
    /// The stored feature it was taken from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub feature: Option<FeatureOrigin>,
}

/// What the model sees: a set, expressions of one's own, or both (the set first).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct Features {
    #[serde(skip_serializing_if = "Option::is_none")]
    pub set: Option<FeatureSet>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    #[schemars(length(max = 2_000))]
    pub expressions: Vec<Feature>,
}

/// What the model learns to predict: an expression over the future.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Label {
    #[schemars(length(min = 1, max = 4_096))]
    pub expression: String,
}

impl Default for Features {
    fn default() -> Self {
        Self { set: Some(FeatureSet::Alpha158), expressions: Vec::new() }
    }
}

impl Default for Label {
    fn default() -> Self {
        Self { expression: DEFAULT_LABEL.to_owned() }
    }
}

impl Label {
    /// A label is an object with its expression, or the expression alone.
    pub(crate) fn read(parent: &mut Reader<'_>) -> Self {
        let Some((name, value)) = parent.take(&["label"]) else { return Self::default() };
        if let Some(text) = value.as_str() {
            check(parent, name, text, Horizon::Any);
            return Self { expression: text.trim().to_owned() };
        }
        let path = parent.path_of(name);
        let Some(mut reader) = Reader::open(&path, value, parent.findings()) else {
            return Self::default();
        };
        let label = match reader.text(&["expression"]) {
            Some((name, text)) => {
                check(&reader, name, text, Horizon::Any);
                Self { expression: text.to_owned() }
            }
            None => Self::default(),
        };
        reader.finish();
        label
    }
}

impl Features {
    pub(crate) fn read(mut reader: Reader<'_>) -> Self {
        let list = reader.list("expressions");
        let expressions = list.map(|list| expressions(&reader, list)).unwrap_or_default();
        let set = match reader.take(&["set"]) {
            Some(_) => {
                let sets = FeatureSet::ALL.map(|set| (set.name(), set));
                Some(reader.choice(&["set"], &sets, FeatureSet::Alpha158))
            }
            None if list.is_none() => Self::default().set,
            None => None,
        };
        if let (Some(set), Some(list)) = (set, list) {
            refuse_taken(&reader, set, list);
        }
        if set.is_none() && list.is_some_and(<[Value]>::is_empty) {
            let message = "no features; name a set (\"alpha158\") or give expressions";
            reader.fault("expressions", FaultCode::Empty, message);
        }
        reader.finish();
        Self { set, expressions }
    }
}

fn expressions(reader: &Reader<'_>, list: &[Value]) -> Vec<Feature> {
    if list.len() > MOST_EXPRESSIONS {
        let message = format!("{} expressions; give at most {MOST_EXPRESSIONS}", list.len());
        reader.fault("expressions", FaultCode::OutOfRange, message);
        return Vec::new();
    }
    let mut names = BTreeSet::new();
    let mut features = Vec::with_capacity(list.len());
    for (at, value) in list.iter().enumerate() {
        let name = format!("expressions[{at}]");
        let Some(feature) = feature(reader, &name, value) else { continue };
        if !names.insert(feature.name.clone()) {
            let message = format!("a second feature called {:?}; rename one", feature.name);
            reader.fault(&name, FaultCode::Conflict, message);
        }
        features.push(feature);
    }
    features
}

/// `{"name": …, "expression": …}`, or the expression alone, which is then its own name.
fn feature(reader: &Reader<'_>, at: &str, value: &Value) -> Option<Feature> {
    if let Some(text) = value.as_str().map(str::trim) {
        if let Some(name) = origin::referenced(text) {
            return origin::reference(reader, at, name);
        }
        check(reader, at, text, Horizon::Past);
        let (name, expression) = (text.to_owned(), text.to_owned());
        return Some(Feature { name, expression, feature: None });
    }
    let mut inner = Reader::open(&reader.path_of(at), value, reader.findings())?;
    let (named, text) = (inner.text(&["name"]), inner.text(&["expression"]));
    let feature = inner.section("feature").map(FeatureOrigin::read);
    if let Some((name, text)) = text {
        match origin::referenced(text) {
            Some(referenced) => drop(origin::reference(&inner, name, referenced)),
            None => check(&inner, name, text, Horizon::Past),
        }
    } else if !inner.gave("expression") {
        inner.fault("expression", FaultCode::Required, "is absent; give an expression");
    }
    inner.finish();
    let (_, expression) = text?;
    let own_name = origin::referenced(expression).unwrap_or(expression);
    let name = named.map_or(own_name, |(_, name)| name);
    if let Some((code, message)) = wrong_name(name, expression) {
        reader.fault(&format!("{at}.name"), code, message);
    }
    Some(Feature { name: name.to_owned(), expression: expression.to_owned(), feature })
}

/// A feature that is named by its expression has no name of its own to judge.
fn wrong_name(name: &str, expression: &str) -> Option<(FaultCode, String)> {
    if name == expression {
        return None;
    }
    if name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
        let message = format!("give at most {LONGEST_NAME} printable characters");
        return Some((FaultCode::OutOfRange, message));
    }
    RESERVED.contains(&name).then(|| {
        let message = format!("{name:?} is the name of another column; choose another");
        (FaultCode::Conflict, message)
    })
}

/// Faults for names that the set has already.
fn refuse_taken(reader: &Reader<'_>, set: FeatureSet, list: &[Value]) {
    let taken: BTreeSet<String> = set.sources().into_iter().map(|(name, _)| name).collect();
    let names = list.iter().map(|value| match value.as_str() {
        Some(text) => origin::referenced(text),
        None => value.get("name").and_then(Value::as_str),
    });
    for (at, name) in names.enumerate() {
        if let Some(name) = name.map(str::trim).filter(|name| taken.contains(*name)) {
            let message = format!("{name:?} is in the set already; choose another name");
            reader.fault(&format!("expressions[{at}].name"), FaultCode::Conflict, message);
        }
    }
}

fn check(reader: &Reader<'_>, name: &str, text: &str, horizon: Horizon) {
    if text.trim().is_empty() {
        reader.fault(name, FaultCode::Empty, "is empty; give an expression");
    } else if text.len() > LONGEST_EXPRESSION {
        let message = format!("{} bytes; give at most {LONGEST_EXPRESSION}", text.len());
        reader.fault(name, FaultCode::OutOfRange, message);
    } else if let Err(flaw) = expression::check(text.trim(), horizon) {
        reader.flaw(name, flaw);
    }
}
