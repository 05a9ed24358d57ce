//! Qlib's expression language: text to a checked tree and back.

pub(crate) mod chain;
mod display;
mod error;
pub(crate) mod kind;
pub(crate) mod node;
mod operators;
mod parser;
#[cfg(test)]
mod period_tests;
mod periods;
#[cfg(test)]
pub(crate) mod tests;
mod token;

use std::borrow::Cow;
use std::collections::BTreeSet;
use std::fmt::{Display, Formatter};
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize};

pub use error::ExprError;
pub use node::{Binary, Cross, IndicatorId, Node, Pair, Rolling, Shift, Unary};

/// Longest source accepted, in bytes.
pub const MAX_SOURCE_BYTES: usize = 16_384;
/// Most operators, fields and numbers in one expression.
pub const MAX_NODES: usize = 2_000;
/// Deepest nesting of one expression. Operators that follow one another, as in a long sum, are not
/// nested.
pub const MAX_DEPTH: usize = 128;

/// A checked expression over the fields of a panel, e.g. `Mean($close, 5)/$close`.
///
/// Syntax and meaning are those of Qlib 0.9.7; precedence is Python's (comparisons are the
/// loosest, `&` and `|` bind tighter than they). On top of Qlib: a unary minus on a series. Not
/// available: `ChangeInstrument`, `Mask`, `TResample`. Beyond Qlib: [`Cross`]-sectional operators,
/// `Product` and `DecayLinear`. `Display` writes a form that parses to an equal expression.
///
/// A condition that `Ref` moved is missing beyond its ends, and is what pandas makes of it: `And` and
/// `Or` take what is missing for false (an `Or` whose left side is missing is false), `Greater` and
/// `Less` take the second of two values where either is missing, `If` takes what is missing for
/// true, and arithmetic is in double precision.
///
/// `P($$roewa_q)` is what was known on each bar's day of the newest quarter that had been announced
/// by then, that day's announcements included; `PRef($$roewa_q, 201902)` what was known of that
/// quarter. Within them are fields by period (`$$…_q` quarterly, `$$…_a` annual, not both),
/// element-wise operators and, in `P`, `Ref` and windows over periods. Refused there, as Qlib
/// has no good answer: `Delta`, windows of 0, windows within `PRef`, a `P` within another.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Expr {
    root: Node,
}

impl Expr {
    /// Reads an expression; the error points at the offending character.
    pub fn parse(source: &str) -> Result<Self, ExprError> {
        let root = parser::parse(source).map_err(|error| error.in_characters(source))?;
        Ok(Self { root })
    }

    pub fn root(&self) -> &Node {
        &self.root
    }

    /// Whether its values are meant in double precision: those of a technical indicator are.
    /// Qlib hands on all others in single precision.
    pub fn is_double(&self) -> bool {
        self.root.has_indicator()
    }

    /// Whether it compares the instruments of a bar: without all of them it has other values.
    pub fn is_cross_sectional(&self) -> bool {
        self.root.has_cross_section()
    }

    /// The fields of bars it reads, without the `$`, ascending.
    pub fn fields(&self) -> Vec<&str> {
        let mut fields = BTreeSet::new();
        self.root.collect_fields(&mut fields);
        fields.into_iter().collect()
    }

    /// The fields by period that it reads, without the `$$`, ascending.
    pub fn period_fields(&self) -> Vec<&str> {
        let mut fields = BTreeSet::new();
        self.root.collect_period_fields(&mut fields);
        fields.into_iter().collect()
    }

    /// How many bars of the future it reads: 0 for a feature, 2 for Qlib's default label.
    pub fn look_ahead(&self) -> usize {
        let newest = self.root.newest_bar().unwrap_or(0).max(0);
        usize::try_from(newest).unwrap_or(usize::MAX)
    }

    /// How many bars of the past it reads; `None` where it reads all of them.
    ///
    /// Running sums carry rounding from before the window, so a value computed from this many
    /// bars alone is equal within rounding, not to the bit.
    pub fn look_back(&self) -> Option<usize> {
        usize::try_from(-self.root.oldest_bar()?.min(0)).ok()
    }
}

impl Display for Expr {
    fn fmt(&self, f: &mut Formatter<'_>) -> std::fmt::Result {
        self.root.fmt(f)
    }
}

impl FromStr for Expr {
    type Err = ExprError;
    fn from_str(source: &str) -> Result<Self, ExprError> {
        Self::parse(source)
    }
}

impl TryFrom<String> for Expr {
    type Error = ExprError;
    fn try_from(source: String) -> Result<Self, ExprError> {
        Self::parse(&source)
    }
}

impl From<Expr> for String {
    fn from(expr: Expr) -> Self {
        expr.to_string()
    }
}

impl JsonSchema for Expr {
    fn schema_name() -> Cow<'static, str> {
        "Expression".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "maxLength": MAX_SOURCE_BYTES,
            "description": "Qlib expression over the fields of the data, e.g. Mean($close, 5)/$close",
        })
    }
}
