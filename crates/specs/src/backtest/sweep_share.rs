use alphafleet_backtest::plan::MOST_CONFIGURATIONS;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::Value;

use super::BacktestSweepSpec;
use crate::reader::{Reader, read_document};
use crate::{Fault, FaultCode, Faults};

/// The most shares of a sweep: each is a job with a row, a ticket and a child of its own.
pub(super) const MOST_SHARES: usize = 64;

/// Some of the runs of a sweep, for one of several workers. Shares know nothing of each other.
///
/// Its JSON form names every value; reading that form gives the same specification again.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct BacktestSweepShareSpec {
    /// The whole sweep.
    pub sweep: BacktestSweepSpec,
    /// Which of its runs.
    pub share: Share,
}

/// Which runs of a sweep.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(tag = "part", rename_all = "snake_case")]
#[schemars(deny_unknown_fields)]
pub enum Share {
    /// The combinations `from..to` of the axes, over the whole period.
    Runs {
        #[schemars(range(min = 0, max = 99_999))]
        from: usize,
        #[schemars(range(min = 1, max = 100_000))]
        to: usize,
    },
    /// The windows of the walk-forward test whose number, from 0, leaves `index` when divided by
    /// `of`. How many windows there are is known to the data's calendar alone, and a share of this
    /// kind may have none.
    Windows {
        #[schemars(range(min = 0, max = 63))]
        index: usize,
        #[schemars(range(min = 1, max = 64))]
        of: usize,
    },
}

impl BacktestSweepShareSpec {
    /// Reads a JSON document and reports what is wrong with it. The axes are checked against the
    /// plan when they are run.
    pub fn from_value(document: &Value) -> Result<Self, Faults> {
        read_document(document, Self::read)
    }

    fn read(mut reader: Reader<'_>) -> Option<Self> {
        let sweep = reader.take(&["sweep"]).map(|(_, document)| document);
        if sweep.is_none() {
            reader.fault("sweep", FaultCode::Required, "is absent; say what is swept");
        }
        if !reader.gave("share") {
            reader.fault("share", FaultCode::Required, "is absent; say which runs");
        }
        let share = reader.section("share").and_then(Share::read);
        let sweep = BacktestSweepSpec::from_value(sweep?)
            .map_err(|faults| reader.faults_within("sweep", faults));
        let (sweep, share) = (sweep.ok()?, share?);
        if let Err(Fault { field, code, message, .. }) = share.check(&sweep) {
            reader.fault(&field, code, message);
        }
        reader.finish();
        Some(Self { sweep, share })
    }

    /// The complete document; equal specifications give equal values.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }
}

impl<'de> Deserialize<'de> for BacktestSweepShareSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = Value::deserialize(deserializer)?;
        Self::from_value(&document).map_err(serde::de::Error::custom)
    }
}

impl Share {
    /// Whether the window of this number, from 0, is in the share.
    pub const fn has_window(self, number: usize) -> bool {
        match self {
            Self::Runs { .. } => false,
            Self::Windows { index, of } => of > 0 && number % of == index,
        }
    }

    fn read(mut reader: Reader<'_>) -> Option<Self> {
        if !reader.gave("part") {
            reader.fault("part", FaultCode::Required, "is absent; give runs or windows");
            return None;
        }
        let of_runs =
            reader.choice(&["part"], &[("runs", Some(true)), ("windows", Some(false))], None)?;
        let share = if of_runs {
            let from = number(&mut reader, "from", 0, MOST_CONFIGURATIONS - 1);
            let to =
                number(&mut reader, "to", from.map_or(1, |from| from + 1), MOST_CONFIGURATIONS);
            Self::Runs { from: from?, to: to? }
        } else {
            let of = number(&mut reader, "of", 1, MOST_SHARES);
            let index = number(&mut reader, "index", 0, of.unwrap_or(MOST_SHARES) - 1);
            Self::Windows { index: index?, of: of? }
        };
        reader.finish();
        Some(share)
    }

    /// Refuses what the sweep does not have.
    fn check(self, sweep: &BacktestSweepSpec) -> Result<(), Fault> {
        let configurations = sweep.sweep.configurations();
        match self {
            Self::Runs { to, .. } if to > configurations => {
                let message =
                    format!("{to} is out of range; the axes make {configurations} combinations");
                Err(Fault::new("share.to", FaultCode::OutOfRange, message))
            }
            Self::Windows { .. } if sweep.sweep.walk_forward.is_none() => {
                let message = "the sweep does not walk forward; give runs";
                Err(Fault::new("share.part", FaultCode::Conflict, message))
            }
            _ => Ok(()),
        }
    }
}

/// A whole number that has to be given.
fn number(reader: &mut Reader<'_>, name: &'static str, min: usize, max: usize) -> Option<usize> {
    if !reader.gave(name) {
        let message = format!("is absent; give a whole number from {min} to {max}");
        reader.fault(name, FaultCode::Required, message);
        return None;
    }
    let (min, max) = (i64::try_from(min).ok()?, i64::try_from(max).ok()?);
    usize::try_from(reader.whole(&[name], min..=max, -1)).ok()
}
