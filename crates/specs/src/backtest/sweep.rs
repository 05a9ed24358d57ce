use alphafleet_backtest::plan::{Axis, Grid, Objective, SweepConfig, WalkForwardConfig};
use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};
use serde_json::{Map, Value};

use super::plan::fault_code;
use super::{BacktestDraft, BacktestRequest, BacktestSpec};
use crate::reader::{Reader, read_document};
use crate::{Fault, FaultCode, Faults, StrategyConfig};

/// The fields of a sweep's request that are no fields of a backtest's.
const OWN: [&str; 3] = ["axes", "objective", "walk_forward"];

/// Everything a sweep of backtests needs to know: the backtest that is varied, and how.
///
/// Its JSON form names every value; reading that form gives the same specification again.
#[derive(Debug, Clone, PartialEq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct BacktestSweepSpec {
    /// What the axes are laid over.
    pub backtest: BacktestSpec,
    pub sweep: SweepConfig,
}

impl BacktestSweepSpec {
    /// A sweep over a complete backtest.
    ///
    /// # Errors
    /// Names the axis and the value that the backtest's plan cannot have (`axes[0].values[2]`).
    pub fn new(backtest: BacktestSpec, sweep: SweepConfig) -> Result<Self, Faults> {
        let grid = Grid::new(&backtest.plan, sweep.axes.clone());
        grid.map_err(|fault| {
            Faults::from(Fault::new(fault.field, fault_code(fault.code), fault.message))
        })?;
        Ok(Self { backtest, sweep })
    }

    /// Reads a JSON document and reports what is wrong with it. The axes are checked against the
    /// plan by [`BacktestSweepSpec::new`] and again when they are run.
    pub fn from_value(document: &Value) -> Result<Self, Faults> {
        read_document(document, Self::read)
    }

    fn read(mut reader: Reader<'_>) -> Option<Self> {
        let backtest = reader.take(&["backtest"]).map(|(_, document)| document);
        let sweep = reader.take(&["sweep"]).map(|(_, document)| document);
        if backtest.is_none() {
            reader.fault("backtest", FaultCode::Required, "is absent; say what is varied");
        }
        if sweep.is_none() {
            reader.fault("sweep", FaultCode::Required, "is absent; give the axes to vary");
        }
        let backtest = BacktestSpec::from_value(backtest?);
        let backtest = backtest.map_err(|faults| reader.faults_within("backtest", faults)).ok();
        let sweep = read_config(sweep?);
        let sweep = sweep.map_err(|fault| reader.faults_within("sweep", fault.into())).ok();
        reader.finish();
        Some(Self { backtest: backtest?, sweep: sweep? })
    }

    /// The complete document; equal specifications give equal values.
    pub fn to_value(&self) -> Value {
        serde_json::to_value(self).unwrap_or(Value::Null)
    }
}

impl<'de> Deserialize<'de> for BacktestSweepSpec {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let document = Value::deserialize(deserializer)?;
        Self::from_value(&document).map_err(serde::de::Error::custom)
    }
}

/// The body of a request to sweep: that of a backtest, and what is varied in it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BacktestSweepRequest {
    /// The first day.
    #[schemars(with = "String", extend("format" = "date"))]
    pub start_date: NaiveDate,
    /// The last day, included.
    #[schemars(with = "String", extend("format" = "date"))]
    pub end_date: NaiveDate,
    /// As of a backtest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub initial_capital: Option<f64>,
    /// As of a backtest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub benchmark: Option<String>,
    /// As of a backtest.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub parameters: Map<String, Value>,
    /// 1 to 8 fields of the plan (`strategy.fast`, `costs.open_rate`) with the values to try; all
    /// combinations are run, at most 100,000.
    pub axes: Vec<Axis>,
    /// By what the best is chosen.
    #[serde(default)]
    pub objective: Objective,
    /// Puts the choice itself to the test.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub walk_forward: Option<WalkForwardConfig>,
}

impl BacktestSweepRequest {
    /// As [`BacktestRequest::resolve`], with what is varied. The axes are checked once the plan is
    /// complete, by [`BacktestSweepSpec::new`].
    pub fn resolve(
        body: &Value,
        strategy: &StrategyConfig,
    ) -> Result<(BacktestDraft, SweepConfig), Faults> {
        let Value::Object(fields) = body else {
            return Err(BacktestRequest::resolve(body, strategy).err().unwrap_or_else(|| {
                Fault::new("$", FaultCode::WrongType, "expected an object of fields").into()
            }));
        };
        let (own, backtest): (Map<String, Value>, Map<String, Value>) = fields
            .iter()
            .filter(|(_, value)| !value.is_null())
            .map(|(name, value)| (name.clone(), value.clone()))
            .partition(|(name, _)| OWN.contains(&name.as_str()));
        let draft = BacktestRequest::resolve(&Value::Object(backtest), strategy);
        let config = read_config(&Value::Object(own));
        match (draft, config) {
            (Ok(draft), Ok(config)) => Ok((draft, config)),
            (Err(mut faults), Err(fault)) => {
                faults.0.push(fault);
                Err(faults)
            }
            (Err(faults), Ok(_)) => Err(faults),
            (Ok(_), Err(fault)) => Err(fault.into()),
        }
    }
}

fn read_config(document: &Value) -> Result<SweepConfig, Fault> {
    SweepConfig::from_value(document).map_err(|fault| {
        let field = match (fault.field.as_str(), document.get("axes")) {
            ("$", None) => "axes".to_owned(),
            _ => fault.field,
        };
        Fault::new(field, fault_code(fault.code), fault.message)
    })
}
