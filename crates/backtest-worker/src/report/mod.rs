//! What came of a backtest, for people and for programs.

mod account;
mod attribution;
mod capacity;
mod figure;
mod figures;
mod html;
mod qlib_risk;
mod qlib_trades;
mod tables;

pub use account::InstrumentGain;
pub use attribution::GroupTable;
pub use figure::{Figure, FigureGroup, Unit};
pub use qlib_trades::qlib_gains;
pub use tables::{ContributionRow, ContributionTable, DrawdownRow, TradeRow, TradeTable};

use crate::groups::Groups;
use crate::intraday::Intraday;
use account::Account;
use alphafleet_market::Panel;
use alphafleet_models::{DatasetSummary, Finding};
use chrono::{DateTime, NaiveDateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use alphafleet_backtest::BacktestError;
use alphafleet_backtest::analysis::{
    Convention, PeriodReturn, RollingFigures, monthly_returns, rolling_figures, yearly_returns,
};
use alphafleet_backtest::plan::{Outcome, Plan};

/// What the JSON form says it is.
pub const REPORT_KIND: &str = "alphafleet.backtest_report";
/// The version of the JSON form.
pub const REPORT_SCHEMA_VERSION: u32 = 2;

/// What a report is made of.
#[derive(Debug, Clone)]
pub struct ReportSource<'a> {
    pub plan: &'a Plan,
    pub panel: &'a Panel,
    pub outcome: &'a Outcome,
    /// Name and version of the data.
    pub dataset: (&'a str, &'a str),
    /// Whether prices are raw or adjusted, in words.
    pub prices: &'a str,
    /// Groups to attribute gains to, in the place of those of the data.
    pub groups: Option<&'a Groups>,
    /// The session's id, or the local run's name.
    pub session: &'a str,
    /// Version and commit of the program.
    pub build: &'a str,
    pub started: DateTime<Utc>,
    pub finished: DateTime<Utc>,
    /// What is known of data and signal.
    pub findings: Vec<Finding>,
}

/// Everything a backtest leaves to be read.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Report {
    /// [`REPORT_KIND`].
    pub kind: String,
    /// [`REPORT_SCHEMA_VERSION`].
    pub schema_version: u32,
    pub session: String,
    pub build: String,
    pub created_at: DateTime<Utc>,
    pub duration_s: f64,
    pub dataset: DatasetSummary,
    /// Whether prices are raw or adjusted, in words.
    #[serde(default)]
    pub prices: String,
    /// `qlib` or `event`.
    pub engine: String,
    /// The strategy's type.
    pub strategy: String,
    /// First and last bar of the run, and their number.
    pub start: NaiveDateTime,
    pub end: NaiveDateTime,
    pub bars: usize,
    pub capital: f64,
    /// The complete plan, so that the run can be repeated.
    pub plan: Value,
    /// How figures are annualised.
    pub convention: Convention,
    pub figures: Vec<FigureGroup>,
    pub yearly: Vec<PeriodReturn>,
    pub monthly: Vec<PeriodReturn>,
    pub rolling: Rolling,
    pub drawdowns: Vec<DrawdownRow>,
    pub trades: TradeTable,
    pub contributions: ContributionTable,
    /// One entry a bar.
    pub curve: Vec<CurvePoint>,
    pub findings: Vec<Finding>,
}

/// Figures over a moving window.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Rolling {
    /// Bars of the window: half a year.
    pub window: usize,
    pub rows: Vec<RollingFigures>,
}

/// The account at the close of a bar.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct CurvePoint {
    pub datetime: NaiveDateTime,
    pub equity: f64,
    /// Capital grown at the benchmark's returns, if there is one.
    pub benchmark: Option<f64>,
    /// Fall from the highest equity so far, zero or negative.
    pub drawdown: f64,
    /// Gross position over the equity.
    pub exposure: f64,
    /// Worth of fills over the equity before.
    pub turnover: f64,
    /// Costs in money.
    pub costs: f64,
}

impl Report {
    /// Works a run out.
    ///
    /// # Errors
    /// When plan and outcome are of different engines, or the outcome has no bar.
    pub fn new(source: ReportSource<'_>) -> Result<Self, BacktestError> {
        let account = Account::of(source.plan, source.panel, source.outcome)?;
        let days = &account.days;
        let (Some(first), Some(last)) = (days.first(), days.last()) else {
            let period = source.plan.period();
            return Err(BacktestError::EmptyPeriod { start: period.start, end: period.end });
        };
        let window = ((account.convention.bars_per_year / 2.0).round() as usize).max(2);
        let mut findings = source.findings;
        findings.extend(remarks(source.outcome));
        findings.extend(account.intraday.map(Intraday::finding));
        Ok(Self {
            kind: REPORT_KIND.to_owned(),
            schema_version: REPORT_SCHEMA_VERSION,
            session: source.session.to_owned(),
            build: source.build.to_owned(),
            created_at: source.started,
            duration_s: (source.finished - source.started).num_milliseconds() as f64 / 1_000.0,
            dataset: dataset(source.panel, source.dataset),
            prices: source.prices.to_owned(),
            engine: engine(source.plan).to_owned(),
            strategy: source.plan.strategy_type().to_owned(),
            start: first.time,
            end: last.time,
            bars: days.len(),
            capital: source.plan.capital(),
            plan: source.plan.to_value(),
            convention: account.convention,
            figures: figures::figures(&account)?,
            yearly: yearly_returns(days),
            monthly: monthly_returns(days),
            rolling: Rolling { window, rows: rolling_figures(days, window, account.convention)? },
            drawdowns: tables::worst_drawdowns(days),
            trades: TradeTable::of(&account),
            contributions: ContributionTable::of(&account, source.groups),
            curve: curve(&account),
            findings,
        })
    }

    /// A figure by its name.
    pub fn figure(&self, name: &str) -> Option<&Figure> {
        self.figures.iter().flat_map(|group| &group.figures).find(|figure| figure.name == name)
    }

    /// Every figure by its name, beside them `conventions`, which say what each is, and what each
    /// group of instruments brought, if there are any.
    pub fn metrics(&self) -> Value {
        let (mut metrics, mut conventions) = (Map::new(), Map::new());
        for figure in self.figures.iter().flat_map(|group| &group.figures) {
            metrics.insert(figure.name.to_string(), figure.value.into());
            conventions.insert(figure.name.to_string(), figure.convention.as_ref().into());
        }
        metrics.insert("bars_per_year".to_owned(), self.convention.bars_per_year.into());
        metrics.insert("risk_free".to_owned(), self.convention.risk_free.into());
        if let Some(groups) = &self.contributions.groups {
            metrics.insert("groups".to_owned(), json!(groups));
        }
        metrics.insert("conventions".to_owned(), Value::Object(conventions));
        Value::Object(metrics)
    }

    /// The result in short: what ran on what, key figures, findings.
    pub fn summary(&self) -> Value {
        let mut metrics = Map::new();
        for name in KEY_FIGURES {
            if let Some(figure) = self.figure(name) {
                metrics.insert((*name).to_owned(), figure.value.into());
            }
        }
        json!({
            "engine": self.engine,
            "strategy": self.strategy,
            "period": { "start": self.start.date(), "end": self.end.date(), "bars": self.bars },
            "capital": self.capital,
            "metrics": metrics,
            "dataset": self.dataset,
            "findings": self.findings,
        })
    }

    /// The report as one HTML page that needs nothing else.
    pub fn to_html(&self) -> String {
        html::page(self)
    }
}

/// The figures a summary has, where the run has them.
pub const KEY_FIGURES: &[&str] = &[
    "final_equity",
    "gain",
    "costs",
    "total_return",
    "annual_return",
    "annual_volatility",
    "sharpe",
    "sortino",
    "calmar",
    "max_drawdown",
    "win_rate",
    "profit_factor",
    "trades",
    "mean_turnover",
    "mean_exposure",
    "benchmark_total_return",
    "information_ratio",
    "alpha",
    "beta",
    "excess_return_without_cost.annualized_return",
    "excess_return_without_cost.information_ratio",
    "excess_return_with_cost.annualized_return",
    "excess_return_with_cost.information_ratio",
    "excess_return_with_cost.max_drawdown",
];

fn engine(plan: &Plan) -> &'static str {
    match plan {
        Plan::Qlib(_) => "qlib",
        Plan::Event(_) => "event",
    }
}

fn dataset(panel: &Panel, (name, version): (&str, &str)) -> DatasetSummary {
    let day = |time: Option<&NaiveDateTime>| time.map(NaiveDateTime::date).unwrap_or_default();
    DatasetSummary {
        name: name.to_owned(),
        version: version.to_owned(),
        instruments: panel.instruments().len() as u64,
        rows: panel.rows() as u64,
        start: day(panel.calendar().first()),
        end: day(panel.calendar().last()),
    }
}

/// What a reader should know of the run itself.
fn remarks(outcome: &Outcome) -> Vec<Finding> {
    let Outcome::Event(result) = outcome else { return Vec::new() };
    let mut remarks = Vec::new();
    let mut warn = |code: &str, message: String| {
        remarks.push(Finding { severity: "warning".to_owned(), code: code.to_owned(), message });
    };
    if result.ruined {
        warn("ruined", "the equity fell to nothing: the run ended there".to_owned());
    }
    if result.liquidations > 0 {
        let message = format!("{} margin calls closed all positions", result.liquidations);
        warn("margin_calls", message);
    }
    if result.fills.is_empty() {
        warn("no_fill", "nothing was ever dealt: look at orders.parquet".to_owned());
    }
    remarks
}

fn curve(account: &Account<'_>) -> Vec<CurvePoint> {
    let mut benchmark = account.plan.capital();
    let point = |day: &alphafleet_backtest::DayReport| {
        let grown = day.benchmark.map(|change| {
            benchmark *= 1.0 + change;
            benchmark
        });
        CurvePoint {
            datetime: day.time,
            equity: day.equity,
            benchmark: grown,
            drawdown: day.drawdown,
            exposure: if day.equity > 0.0 { day.gross / day.equity } else { 0.0 },
            turnover: day.turnover,
            costs: day.costs,
        }
    };
    account.days.iter().map(point).collect()
}
