use alphafleet_factors::DateRange;
use chrono::NaiveDate;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use thiserror::Error;

use super::{EventPlan, Plan, StrategyPlan};
use crate::config::Config;
use crate::{BacktestError, MarketProfile};

/// A plan whose period may still be open.
#[derive(Debug, Clone, PartialEq)]
pub struct PlanDraft {
    period: Option<DateRange>,
    /// Its period counts only where `period` is given.
    plan: Plan,
}

/// What is wrong with a document: the field as the person wrote it, and what to do about it.
#[derive(Debug, Clone, PartialEq, Error)]
#[error("{field}: {message}")]
pub struct PlanFault {
    pub field: String,
    /// A stable, machine-readable name of the problem.
    pub code: &'static str,
    pub message: String,
}

impl PlanFault {
    pub(super) fn new(field: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self { field: field.to_owned(), code, message: message.into() }
    }
}

impl From<BacktestError> for PlanFault {
    fn from(error: BacktestError) -> Self {
        let mut message = error.to_string();
        let mut cause = std::error::Error::source(&error);
        while let Some(error) = cause {
            message.push_str(&format!(": {error}"));
            cause = error.source();
        }
        Self { field: error.field().unwrap_or("$").to_owned(), code: error.code(), message }
    }
}

/// What a person might write who has prices of several currencies.
const OF_CURRENCIES: [&str; 5] =
    ["currency", "currencies", "base_currency", "exchange_rate", "exchange_rates"];

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Engine {
    Qlib,
    Event,
}

impl PlanDraft {
    /// Reads a document: `engine` (`event` by default, or `qlib`), `period`, `strategy`, and the
    /// fields of [`QlibConfig`](crate::qlib::QlibConfig) or [`Config`]. With `market`, what the
    /// document leaves out takes the usual rules of that kind of market.
    ///
    /// # Errors
    /// The first fault found, with the path of its field.
    pub fn from_value(document: &Value) -> Result<Self, PlanFault> {
        let Value::Object(fields) = document else {
            return Err(PlanFault::new("$", "wrong_type", "a backtest is an object of fields"));
        };
        let mut fields: Map<String, Value> =
            fields.iter().filter(|(_, value)| !value.is_null()).map(owned).collect();
        if let Some(field) = OF_CURRENCIES.into_iter().find(|name| fields.contains_key(*name)) {
            let message = "prices and capital are of one currency, whichever that is: leave it \
                out, and convert prices beforehand where they are of several";
            return Err(PlanFault::new(field, "not_supported", message));
        }
        let engine = take(&mut fields, "engine")?.unwrap_or(Engine::Event);
        let period: Option<DateRange> = take(&mut fields, "period")?;
        let plan = match engine {
            Engine::Qlib => {
                fields.insert("period".to_owned(), json(&placeholder(period))?);
                Plan::Qlib(read("", Value::Object(fields))?)
            }
            Engine::Event => Plan::Event(event(fields, placeholder(period))?),
        };
        check(&plan)?;
        Ok(Self { period, plan })
    }

    /// The period, if the document gave one.
    pub fn period(&self) -> Option<DateRange> {
        self.period
    }

    /// The strategy's name in documents.
    pub fn strategy_type(&self) -> &'static str {
        self.plan.strategy_type()
    }

    /// Whether the strategy goes by scores.
    pub fn needs_signal(&self) -> bool {
        self.plan.needs_signal()
    }

    /// Whether the strategy can make use of scores.
    pub fn takes_signal(&self) -> bool {
        self.plan.takes_signal()
    }

    /// The plan over `period`, whatever the document says.
    pub fn with_period(mut self, period: DateRange) -> Plan {
        self.plan.set_period(period);
        self.plan
    }

    /// The plan, with `period` where the document gave none.
    pub fn complete(mut self, period: DateRange) -> Plan {
        self.plan.set_period(self.period.unwrap_or(period));
        self.plan
    }
}

/// All that [`Plan::validate`] refuses, with the path of the field that is wrong.
fn check(plan: &Plan) -> Result<(), PlanFault> {
    let within = |part: &'static str| {
        move |error: BacktestError| {
            let fault = PlanFault::from(error);
            PlanFault { field: format!("{part}.{}", fault.field), ..fault }
        }
    };
    match plan {
        Plan::Qlib(config) => {
            config.validate_capital()?;
            config.exchange.validate().map_err(within("exchange"))?;
            config.strategy.validate().map_err(within("strategy"))
        }
        Plan::Event(event) => {
            event.config.validate()?;
            event.strategy.validate().map_err(within("strategy"))?;
            Ok(event.strategy.validate_account(event.config.account)?)
        }
    }
}

fn event(mut fields: Map<String, Value>, period: DateRange) -> Result<EventPlan, PlanFault> {
    let market: Option<MarketProfile> = take(&mut fields, "market")?;
    let Some(strategy) = fields.shift_remove("strategy") else {
        let names = StrategyPlan::NAMES.join(", ");
        let message = format!("is absent; give its type, one of {names}, and its settings");
        return Err(PlanFault::new("strategy", "required", message));
    };
    let base = market.map_or_else(|| Config::new(period), |market| market.config(period));
    let Value::Object(mut rules) = json(&base)? else { return Err(not_an_object()) };
    merge(&mut rules, fields);
    let config = read("", Value::Object(rules))?;
    Ok(EventPlan { market, config, strategy: read_strategy(strategy)? })
}

/// Tagged enumerations lose the path of what is inside, so that the settings are read by
/// themselves once the type is known to be one.
fn read_strategy(strategy: Value) -> Result<StrategyPlan, PlanFault> {
    let named = strategy.get("type").and_then(Value::as_str);
    let known = |name: &&str| StrategyPlan::NAMES.contains(name) || *name == "ma_cross";
    if named.filter(known).is_none() {
        let names = StrategyPlan::NAMES.join(", ");
        let message = format!("give one of {names}");
        return Err(PlanFault::new("strategy.type", "unknown_value", message));
    }
    read("strategy", strategy)
}

/// What a person gave replaces what the market's rules say; costs may be given one by one, every
/// other field is replaced as a whole.
fn merge(base: &mut Map<String, Value>, given: Map<String, Value>) {
    for (name, value) in given {
        match (base.get_mut(&name), value) {
            (Some(Value::Object(costs)), Value::Object(given)) if name == "costs" => {
                costs.extend(given);
            }
            (_, value) => {
                base.insert(name, value);
            }
        }
    }
}

fn take<T: DeserializeOwned>(
    fields: &mut Map<String, Value>,
    name: &str,
) -> Result<Option<T>, PlanFault> {
    fields.shift_remove(name).map(|value| read(name, value)).transpose()
}

pub(super) fn read<T: DeserializeOwned>(at: &str, value: Value) -> Result<T, PlanFault> {
    serde_path_to_error::deserialize(value).map_err(|error| {
        let inner = error.path().to_string();
        let field = match (at, inner.as_str()) {
            ("", ".") => "$".to_owned(),
            ("", inner) => inner.to_owned(),
            (at, ".") => at.to_owned(),
            (at, inner) => format!("{at}.{inner}"),
        };
        let message = error.inner().to_string();
        let code = match &message {
            unknown if unknown.starts_with("unknown field") => "unknown_field",
            unknown if unknown.starts_with("unknown variant") => "unknown_value",
            missing if missing.starts_with("missing field") => "required",
            _ => "wrong_type",
        };
        PlanFault { field, code, message }
    })
}

fn json(value: &impl serde::Serialize) -> Result<Value, PlanFault> {
    serde_json::to_value(value).map_err(|_| not_an_object())
}

fn not_an_object() -> PlanFault {
    PlanFault::new("$", "wrong_type", "the rules have no JSON form")
}

fn owned((name, value): (&String, &Value)) -> (String, Value) {
    (name.clone(), value.clone())
}

fn placeholder(period: Option<DateRange>) -> DateRange {
    let day = NaiveDate::default();
    period.unwrap_or(DateRange { start: day, end: day })
}
