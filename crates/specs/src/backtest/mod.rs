//! Backtests: what a strategy's configuration says about them, what a request adds, and the
//! complete specification of one.

mod draft;
mod merge;
mod plan;
mod request;
mod rules;
mod shares;
mod signal;
mod sweep;
mod sweep_share;
mod turns;

pub use draft::{BacktestDraft, NamedSession, Trained};
pub use request::BacktestRequest;
pub use signal::SignalRef;
pub use sweep::{BacktestSweepRequest, BacktestSweepSpec};
pub use sweep_share::{BacktestSweepShareSpec, Share};
pub use turns::{ScoredModel, turns};

pub(crate) use plan::read_section;
pub(crate) use rules::rule_templates;

use alphafleet_backtest::plan::Plan;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use crate::reader::{Reader, read_document};
use crate::training::read;
use crate::{Adjustment, DatasetRef, FaultCode, Faults, Limits, Universe};

/// Everything a backtest needs to know, complete and checked: which data, whose scores, which
/// strategy by which rules of the market.
///
/// Its JSON form names every value; reading that form gives the same specification again.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct BacktestSpec {
    pub dataset: DatasetRef,
    #[serde(default)]
    pub universe: Universe,
    /// Of prices and volume. Quantities are then in adjusted shares, as the features of the model
    /// were in adjusted prices.
    #[serde(default)]
    pub adjustment: Adjustment,
    /// Whose scores the strategy goes by; absent when it goes by none. Several models take turns,
    /// each on days of its own.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub signals: Vec<SignalRef>,
    /// The engine, its rules and the strategy, with the period.
    pub plan: Plan,
    /// Whether the period may hold days that the model was fitted on, of which there are no scores.
    #[serde(default)]
    pub allow_training_overlap: bool,
    #[serde(default)]
    pub limits: Limits,
}

impl BacktestSpec {
    /// Reads a JSON document and reports what is wrong with it; of the plan, its first fault.
    pub fn from_value(document: &Value) -> Result<Self, Faults> {
        read_document(document, Self::read)
    }

    fn read(mut reader: Reader<'_>) -> Option<Self> {
        let dataset = read::dataset(&mut reader);
        let universe = reader.section("universe").map(Universe::read).unwrap_or_default();
        let adjustment = read::adjustment(&mut reader);
        let signals = SignalRef::read_all(&mut reader);
        let plan = plan::read_complete(&mut reader);
        let allow_training_overlap = reader.flag("allow_training_overlap", false);
        let limits = reader.section("limits").map(read::limits).unwrap_or_default();
        if let Some(plan) = &plan
            && plan.needs_signal()
            && !reader.gave("signals")
        {
            let message = "this strategy goes by scores; name the training they come from";
            reader.fault("signals", FaultCode::Required, message);
        }
        reader.finish();
        let plan = plan?;
        let spec =
            Self { dataset, universe, adjustment, signals, plan, allow_training_overlap, limits };
        Some(spec)
    }

    /// Whether no day of the period was seen by the model that scores it while that was fitted. Not
    /// so when it is unknown which days those were; a strategy without scores was fitted on none.
    pub fn is_out_of_sample(&self) -> bool {
        let period = self.plan.period();
        self.signals.iter().all(|signal| {
            let used = signal.used.unwrap_or(period);
            let (from, to) = (used.start.max(period.start), used.end.min(period.end));
            from > to || signal.fitted.is_some_and(|fitted| to < fitted.start || fitted.end < from)
        })
    }

    /// The complete document; equal specifications give equal values.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }

    /// The document's JSON Schema.
    pub fn json_schema() -> Value {
        schemars::schema_for!(Self).to_value()
    }
}

/// The name that a strategy of rules is known by, for one of those that a person may use.
pub(crate) fn canonical_type(name: &str) -> &str {
    if name == "ma_cross" { "moving_average_cross" } else { name }
}

impl<'de> Deserialize<'de> for BacktestSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = Value::deserialize(deserializer)?;
        Self::from_value(&document).map_err(serde::de::Error::custom)
    }
}
