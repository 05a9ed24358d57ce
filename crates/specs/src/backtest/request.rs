use chrono::NaiveDate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::SignalRef;
use super::draft::{BacktestDraft, Configured, NamedSession};
use super::merge::Merge;
use super::signal::{parse, session};
use crate::reader::{Reader, read_document};
use crate::training::{DateRange, read};
use crate::{FaultCode, Faults, StrategyConfig, Universe};

/// The body of a request to backtest. It says what differs from the strategy's section
/// `backtest`; what is absent in both takes the defaults.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct BacktestRequest {
    /// The first day.
    #[schemars(with = "String", extend("format" = "date"))]
    pub start_date: NaiveDate,
    /// The last day, included.
    #[schemars(with = "String", extend("format" = "date"))]
    pub end_date: NaiveDate,
    /// Cash at the start; 100,000 unless the strategy says otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schemars(extend("exclusiveMinimum" = 0))]
    pub initial_capital: Option<f64>,
    /// An instrument to compare with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub benchmark: Option<String>,
    /// Fields of the plan (`engine`, `market`, `account`, `costs`, `slippage`, `lot`, …, `strategy`
    /// with its settings), laid over the strategy's; and beside them `session` (the training whose
    /// scores to use; by default the strategy's newest completed one) or `sessions` (trainings that
    /// take turns, each scoring the days after those it was fitted on until one that was fitted
    /// later takes over), `dataset` (a name, or name and version; by default what the training ran
    /// on, else the strategy's), `universe`, `adjustment`, `limits` and `allow_training_overlap`, which lets a strategy that can do
    /// without scores run over days its model was fitted on; a training scores its test segment
    /// alone, so that what goes by scores is confined to it all the same.
    #[serde(default, skip_serializing_if = "Map::is_empty")]
    pub parameters: Map<String, Value>,
}

/// The parameters that are no fields of a plan.
const OWN: [&str; 7] = [
    "session",
    "sessions",
    "dataset",
    "universe",
    "adjustment",
    "allow_training_overlap",
    "limits",
];

impl BacktestRequest {
    /// Lays a request's body over a strategy's configuration and checks the whole, as far as that
    /// can be done without data and training.
    ///
    /// Faults name the fields of the body (`initial_capital`, `parameters.costs.open_rate`); those
    /// of the strategy's own configuration begin with `strategy.backtest.`.
    pub fn resolve(body: &Value, strategy: &StrategyConfig) -> Result<BacktestDraft, Faults> {
        read_document(body, |reader| draft(reader, strategy))
    }
}

fn draft(mut reader: Reader<'_>, strategy: &StrategyConfig) -> Option<BacktestDraft> {
    let period = period(&mut reader);
    let capital = reader.take(&["initial_capital"]).map(|(_, capital)| capital.clone());
    let benchmark = reader.text(&["benchmark"]).map(|(_, name)| name.to_owned());
    let nothing = Value::Object(Map::new());
    let parameters = reader.take(&["parameters"]).map_or(&nothing, |(_, given)| given);
    let mut own = Reader::open("parameters", parameters, reader.findings())?;
    let sessions = sessions(&mut own);
    let dataset = own.gave("dataset").then(|| read::dataset(&mut own));
    let universe = own.section("universe").map(Universe::read);
    let adjustment = own.gave("adjustment").then(|| read::adjustment(&mut own));
    let allow_training_overlap = own.flag("allow_training_overlap", false);
    let limits = own.section("limits").map(read::limits).unwrap_or_default();

    let of_plan = parameters.as_object().into_iter().flatten();
    let of_plan = of_plan.filter(|(name, value)| !OWN.contains(&name.as_str()) && !value.is_null());
    let of_plan: Map<String, Value> =
        of_plan.map(|(name, value)| (name.clone(), value.clone())).collect();
    let mut merge = Merge::over(strategy);
    merge.parameters(of_plan);
    merge.capital(capital, reader.findings());
    merge.benchmark(benchmark, reader.findings());
    let default_holdings = merge.has_default_holdings();
    let plan = merge.plan(period, reader.findings());
    if plan.as_ref().is_some_and(|plan| !plan.takes_signal())
        && let Some(named) = sessions.first()
    {
        let message = "this strategy does not go by scores; leave it out";
        reader.findings().add(&named.field, FaultCode::NotSupported, message);
    }
    reader.finish();
    let (plan, configured) = (plan?, Configured::of(strategy));
    Some(BacktestDraft {
        sessions,
        dataset,
        universe,
        adjustment,
        plan,
        allow_training_overlap,
        limits,
        default_holdings,
        configured,
    })
}

/// The trainings under `session` or `sessions`.
fn sessions(own: &mut Reader<'_>) -> Vec<NamedSession> {
    let one = session(own, "session");
    let Some(listed) = own.list("sessions") else {
        let named = |session| NamedSession { field: own.path_of("session"), session };
        return one.map(named).into_iter().collect();
    };
    if own.gave("session") {
        let message = "is there beside `sessions`; give one of the two";
        own.fault("session", FaultCode::Conflict, message);
    }
    if listed.is_empty() || listed.len() > SignalRef::MOST {
        let message = format!("give 1 to {} trainings", SignalRef::MOST);
        own.fault("sessions", FaultCode::OutOfRange, message);
        return Vec::new();
    }
    let mut named: Vec<NamedSession> = Vec::new();
    for (at, value) in listed.iter().enumerate() {
        let name = format!("sessions[{at}]");
        let Some(text) = value.as_str() else {
            own.wrong_type(&name, "the id of a session", value);
            continue;
        };
        let Some(session) = parse(own, &name, text) else { continue };
        if named.iter().any(|earlier| earlier.session == session) {
            own.fault(&name, FaultCode::Conflict, "is there twice; leave one out");
        }
        named.push(NamedSession { field: own.path_of(&name), session });
    }
    named
}

fn period(reader: &mut Reader<'_>) -> Option<DateRange> {
    let (start, end) = (date(reader, "start_date"), date(reader, "end_date"));
    let range = DateRange { start: start?, end: end? };
    if range.start > range.end {
        let DateRange { start, end } = range;
        let message = format!("ends {end}, before it starts on {start}; exchange the dates");
        reader.fault("end_date", FaultCode::InvalidPeriod, message);
        return None;
    }
    Some(range)
}

fn date(reader: &mut Reader<'_>, name: &'static str) -> Option<NaiveDate> {
    let Some((field, value)) = reader.take(&[name]) else {
        reader.fault(name, FaultCode::Required, "is absent; give a date like \"2016-09-30\"");
        return None;
    };
    let date = value.as_str().and_then(|text| text.trim().parse().ok());
    if date.is_none() {
        reader.wrong_type(field, "a date like \"2016-09-30\"", value);
    }
    date
}
