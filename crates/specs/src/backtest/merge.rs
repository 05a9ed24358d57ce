use alphafleet_backtest::plan::{Plan, PlanDraft};
use serde_json::{Map, Value, json};

use super::plan::plan_fault;
use crate::reader::Findings;
use crate::training::DateRange;
use crate::{Fault, FaultCode, StrategyConfig};

/// Cash at the start where nobody said.
const CAPITAL: f64 = 100_000.0;

/// Sections of a plan whose fields are laid over one by one; other fields are replaced as a whole.
const BY_FIELD: [&str; 3] = ["strategy", "costs", "exchange"];

/// The plan under construction, and which of its paths came from which field of the body.
pub(super) struct Merge {
    document: Map<String, Value>,
    origins: Vec<(String, String)>,
    /// Whether the strategy says how it is backtested; else the document began as the default.
    is_own: bool,
}

impl Merge {
    pub fn over(strategy: &StrategyConfig) -> Self {
        let own = strategy.backtest().cloned();
        let is_own = own.is_some();
        let document = own.unwrap_or_else(|| default_plan(false));
        Self { document, origins: Vec::new(), is_own }
    }

    /// Lays the fields of a plan over it. Another engine, or the rules of a market where there
    /// were only defaults, begin anew: what is there means something else by them.
    pub fn parameters(&mut self, given: Map<String, Value>) {
        let engine = |fields: &Map<String, Value>| {
            fields.get("engine").and_then(Value::as_str).unwrap_or("event").to_owned()
        };
        let (was, wanted) = (engine(&self.document), given.get("engine"));
        if let Some(wanted) = wanted
            && wanted.as_str() != Some(&was)
        {
            self.document = default_plan(wanted == "qlib");
            self.is_own = false;
        } else if given.contains_key("market") && !self.is_own {
            self.document.shift_remove("costs");
        }
        for (name, value) in given {
            self.parameter(name, value);
        }
    }

    fn parameter(&mut self, name: String, value: Value) {
        let field = format!("parameters.{name}");
        match (self.document.get_mut(&name), value) {
            (Some(Value::Object(base)), Value::Object(over))
                if BY_FIELD.contains(&name.as_str()) && same_type(base, &over) =>
            {
                let paths = over
                    .keys()
                    .map(|inner| (format!("{name}.{inner}"), format!("{field}.{inner}")));
                self.origins.extend(paths);
                base.extend(over);
            }
            (_, value) => {
                self.origins.push((name.clone(), field));
                self.document.insert(name, value);
            }
        }
    }

    /// Cash at the start as the body says it.
    pub fn capital(&mut self, given: Option<Value>, findings: &Findings) {
        match given {
            Some(capital) => self.beside("capital", "initial_capital", capital, findings),
            None if !self.document.contains_key("capital") => {
                self.document.insert("capital".to_owned(), CAPITAL.into());
            }
            None => {}
        }
    }

    /// An instrument to compare with, as the body says it.
    pub fn benchmark(&mut self, given: Option<String>, findings: &Findings) {
        let Some(name) = given else { return };
        let is_qlib = self.document.get("engine").is_some_and(|engine| engine == "qlib");
        let value = if is_qlib { json!([name]) } else { json!(name) };
        self.beside("benchmark", "benchmark", value, findings);
    }

    fn beside(&mut self, path: &str, field: &str, value: Value, findings: &Findings) {
        let parameter = format!("parameters.{path}");
        if self.origins.iter().any(|(_, field)| *field == parameter) {
            let message = format!("stands beside {field}; give one of them");
            findings.add(&parameter, FaultCode::Conflict, message);
        }
        self.origins.push((path.to_owned(), field.to_owned()));
        self.document.insert(path.to_owned(), value);
    }

    /// Whether nobody said how many instruments to hold.
    pub fn has_default_holdings(&self) -> bool {
        let chosen = ["strategy", "strategy.topk", "strategy.n_drop"];
        !self.is_own && !self.origins.iter().any(|(path, _)| chosen.contains(&path.as_str()))
    }

    /// The plan, if its fields and the period are right; faults carry the names of the body.
    pub fn plan(mut self, period: Option<DateRange>, findings: &Findings) -> Option<Plan> {
        if let Some(DateRange { start, end }) = period {
            self.document.insert("period".to_owned(), json!({ "start": start, "end": end }));
            self.origins.push(("period".to_owned(), "end_date".to_owned()));
        }
        let document = Value::Object(self.document.clone());
        match PlanDraft::from_value(&document) {
            Ok(draft) => Some(draft.complete(period?)),
            Err(fault) => {
                let Fault { field, code, message, .. } = plan_fault(fault, &document);
                findings.add(&self.renamed(&field), code, message);
                None
            }
        }
    }

    fn renamed(&self, field: &str) -> String {
        let within = |path: &str| {
            let rest = field.strip_prefix(path)?;
            (rest.is_empty() || rest.starts_with(['.', '['])).then_some(rest)
        };
        let matches = self.origins.iter().filter_map(|(path, origin)| {
            within(path).map(|rest| (path.len(), format!("{origin}{rest}")))
        });
        match matches.max_by_key(|(length, _)| *length) {
            Some((_, origin)) => origin,
            None if self.is_own => format!("strategy.backtest.{field}"),
            None if field == "$" => "parameters".to_owned(),
            None => format!("parameters.{field}"),
        }
    }
}

/// Whether settings of a strategy may be laid over those of another; sections without a type may.
fn same_type(base: &Map<String, Value>, over: &Map<String, Value>) -> bool {
    let of = |fields: &Map<String, Value>| {
        let name = fields.get("type").and_then(Value::as_str);
        name.map(|name| super::canonical_type(name).to_owned())
    };
    !over.contains_key("type") || of(base) == of(over)
}

/// How a model is backtested unless its strategy says otherwise: the best instruments by score,
/// the worst of them replaced each bar, at the rates of Qlib's published benchmarks. A least
/// commission is an amount of some currency, so that none is assumed.
fn default_plan(is_qlib: bool) -> Map<String, Value> {
    let plan = if is_qlib {
        json!({ "engine": "qlib" })
    } else {
        json!({
            "engine": "event",
            "strategy": { "type": "topk_dropout", "topk": 50, "n_drop": 5, "hold_bars": 1 },
            "costs": { "open_rate": 0.0005, "close_rate": 0.0015 },
        })
    };
    plan.as_object().cloned().unwrap_or_default()
}
