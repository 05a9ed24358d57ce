use std::collections::BTreeSet;

use alphafleet_backtest::plan::{Plan, StrategyPlan};
use alphafleet_domain::JobId;
use alphafleet_market::is_index_code;

use super::{BacktestSpec, SignalRef};
use crate::reader::{Findings, Reader};
use crate::training::read;
use crate::{
    Adjustment, DatasetRef, Fault, FaultCode, Faults, Limits, StrategyConfig, TrainingSpec,
    Universe,
};

/// A backtest that still has to learn about its data and its scores.
#[derive(Debug, Clone, PartialEq)]
pub struct BacktestDraft {
    /// The trainings asked for.
    pub sessions: Vec<NamedSession>,
    /// The data asked for.
    pub dataset: Option<DatasetRef>,
    pub universe: Option<Universe>,
    pub adjustment: Option<Adjustment>,
    pub plan: Plan,
    pub allow_training_overlap: bool,
    pub limits: Limits,
    /// Nobody said how many instruments to hold.
    pub(super) default_holdings: bool,
    pub(super) configured: Configured,
}

/// What the strategy says about its data.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct Configured {
    dataset: Option<DatasetRef>,
    universe: Universe,
    adjustment: Adjustment,
}

impl Configured {
    pub fn of(strategy: &StrategyConfig) -> Self {
        // It was checked when it was read.
        let findings = Findings::default();
        let document = strategy.to_value();
        let Some(mut reader) = Reader::open("", &document, &findings) else {
            return Self::default();
        };
        Self {
            dataset: reader.gave("dataset").then(|| read::dataset(&mut reader)),
            universe: reader.section("universe").map(Universe::read).unwrap_or_default(),
            adjustment: read::adjustment(&mut reader),
        }
    }
}

/// A training whose scores are asked for, and the field that asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NamedSession {
    pub field: String,
    pub session: JobId,
}

/// The completed trainings whose scores are used.
#[derive(Debug, Clone, PartialEq)]
pub struct Trained {
    pub signals: Vec<SignalRef>,
    /// What the last of them was told to do, with the version of its data.
    pub spec: TrainingSpec,
}

impl BacktestDraft {
    /// The data to run on: what was asked for, else exactly what the model was trained on, else
    /// what the strategy names.
    ///
    /// # Errors
    /// `parameters.dataset` when nobody names any.
    pub fn dataset(&self, trained: Option<&Trained>) -> Result<DatasetRef, Faults> {
        let trained = trained.map(|trained| &trained.spec.dataset);
        let named = self.dataset.as_ref().or(trained).or(self.configured.dataset.as_ref());
        named.cloned().ok_or_else(|| {
            let message = "say which dataset to run on; the strategy names none";
            Fault::new("parameters.dataset", FaultCode::Required, message).into()
        })
    }

    /// The specification on exactly these data, whose instruments are given. Universe and
    /// adjustment are those asked for, else those of the training, else the strategy's.
    ///
    /// Where nobody said how many instruments to hold, there are 50, and 5 of them replaced at a
    /// bar; of a universe of fewer than 250 a fifth, and a tenth of that.
    ///
    /// # Errors
    /// A universe without any of the instruments; a benchmark or a pair that is not among them.
    pub fn complete(
        self,
        dataset: DatasetRef,
        trained: Option<&Trained>,
        instruments: &[String],
    ) -> Result<BacktestSpec, Faults> {
        let Self { configured, mut plan, .. } = self;
        let trained_on = trained.map(|trained| &trained.spec);
        let universe = self.universe.or_else(|| trained_on.map(|spec| spec.universe.clone()));
        let universe = universe.unwrap_or(configured.universe);
        let adjustment = self.adjustment.or_else(|| trained_on.map(|spec| spec.adjustment));
        let members = members(&universe, instruments);
        let faults = faults(&plan, &members, instruments);
        if !faults.is_empty() {
            return Err(Faults(faults));
        }
        if self.default_holdings {
            hold_a_part(&mut plan, members.len());
        }
        Ok(BacktestSpec {
            dataset,
            universe,
            adjustment: adjustment.unwrap_or(configured.adjustment),
            signals: trained.map(|trained| trained.signals.clone()).unwrap_or_default(),
            plan,
            allow_training_overlap: self.allow_training_overlap,
            limits: self.limits,
        })
    }
}

/// The instruments that are traded: indices only where they are named.
fn members<'a>(universe: &Universe, instruments: &'a [String]) -> BTreeSet<&'a str> {
    let named = |name: &str| universe.include.iter().any(|included| included == name);
    let member = |name: &&str| universe.contains(name) && (named(name) || !is_index_code(name));
    instruments.iter().map(String::as_str).filter(member).collect()
}

fn faults(plan: &Plan, members: &BTreeSet<&str>, instruments: &[String]) -> Vec<Fault> {
    let mut faults = Vec::new();
    if members.is_empty() {
        let message = "no instrument of the data is in it; see include and exclude";
        faults.push(Fault::new("parameters.universe", FaultCode::Empty, message));
        return faults;
    }
    for benchmark in benchmarks(plan) {
        if !instruments.contains(benchmark) {
            let message = format!("the data have no instrument {benchmark:?}");
            faults.push(Fault::new("benchmark", FaultCode::UnknownValue, message));
        } else if !plan.needs_signal()
            && !members.contains(benchmark.as_str())
            && !is_index_code(benchmark)
        {
            let message = format!(
                "{benchmark:?} is not in the universe, and this strategy trades whatever it is \
                 shown; add it to the universe, or take an index"
            );
            faults.push(Fault::new("benchmark", FaultCode::Conflict, message));
        }
    }
    for (field, name) in pair(plan) {
        if !members.contains(name) {
            let message = format!("the universe has no instrument {name:?}");
            let field = format!("parameters.strategy.{field}");
            faults.push(Fault::new(field, FaultCode::UnknownValue, message));
        }
    }
    faults
}

fn benchmarks(plan: &Plan) -> Vec<&String> {
    match plan {
        Plan::Qlib(config) => config.benchmark.iter().collect(),
        Plan::Event(plan) => plan.config.benchmark.iter().collect(),
    }
}

fn pair(plan: &Plan) -> Vec<(&'static str, &str)> {
    match plan {
        Plan::Event(event) => match &event.strategy {
            StrategyPlan::Pairs(pair) => vec![("first", &pair.first), ("second", &pair.second)],
            _ => Vec::new(),
        },
        Plan::Qlib(_) => Vec::new(),
    }
}

fn hold_a_part(plan: &mut Plan, members: usize) {
    let topk = (members / 5).clamp(1, 50);
    let dropped = (topk / 10).max(1);
    match plan {
        Plan::Qlib(config) => (config.strategy.topk, config.strategy.n_drop) = (topk, dropped),
        Plan::Event(event) => {
            if let StrategyPlan::TopkDropout(config) = &mut event.strategy {
                (config.topk, config.n_drop) = (topk, dropped);
            }
        }
    }
}
