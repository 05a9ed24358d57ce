//! The stages of a backtest, one file each.

mod benchmark;
mod columns;
mod error;
mod event_files;
mod outputs;
mod prepare;
mod qlib_files;
mod signal;
mod sink;
mod sweep;

use std::ops::ControlFlow;
use std::path::Path;
use std::sync::Arc;

use crate::groups::Groups;
use crate::report::{Report, ReportSource};
use alphafleet_backtest::plan::{Outcome, Plan, Simulation};
use alphafleet_backtest::{CorporateAction, Signal};
use alphafleet_market::Panel;
use alphafleet_models::Finding;
use alphafleet_worker::child::OutputFile;
use chrono::{DateTime, Utc};
use serde_json::Value;

pub use alphafleet_worker::child::Blame;
pub use error::BacktestRunError;
pub use prepare::with_change;
pub use signal::{AlignedSignal, align_signal};
pub use sink::{Sink, percent};
pub use sweep::{
    SweepProgress, SweepRun, SweepShare, SweepSink, SweepStop, merge_shares, sweep, sweep_share,
};

/// One backtest, complete: what to do, with what, and where results go.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    pub plan: &'a Plan,
    /// What the data is called in the report.
    pub dataset: RunDataset<'a>,
    /// Whether prices are raw or adjusted, in words, for the report.
    pub prices: &'a str,
    /// Groups to attribute gains to; else those of the data, if they have any.
    pub groups: Option<&'a Groups>,
    /// The session's id, or the local run's name.
    pub session: &'a str,
    /// Version and commit of the program.
    pub build: &'a str,
    /// An existing folder for the files the run leaves.
    pub scratch: &'a Path,
    /// What is known of data and signal; it becomes part of the report.
    pub findings: &'a [Finding],
    /// Tells the time for the report.
    pub now: fn() -> DateTime<Utc>,
}

/// Name and version of a run's data.
#[derive(Debug, Clone, Copy)]
pub struct RunDataset<'a> {
    pub name: &'a str,
    pub version: &'a str,
}

/// What a finished run leaves.
#[derive(Debug, Clone, PartialEq)]
pub struct Finished {
    /// The result as its owner reads it: engine, strategy, period, capital, key figures.
    pub summary: Value,
    /// All in the scratch folder.
    pub files: Vec<OutputFile>,
}

/// Runs a plan over a panel, whose prices are taken as they are, and writes what came of it.
/// Corporate actions go with raw prices and the event-driven engine.
///
/// Stages, with the progress each begins at: `preparing` 0, `simulating` 10, `evaluating` 90,
/// `completed` 100. Equal plan, panel, actions and signal give equal tables, to the byte.
///
/// Files, by engine:
/// - both: `report.parquet` (the account, a row a bar), `positions.parquet`, `trades.parquet`,
///   `orders.parquet`, `contributions.parquet`, `metrics.json`, `report.json`, `report.html`;
/// - `qlib`: `indicators.parquet`; report, positions and indicators have Qlib's columns, trades
///   are its dealt orders;
/// - `event`: `fills.parquet`; trades are closed positions.
///
/// # Errors
/// [`BacktestRunError::Stopped`] when the sink asked for it; everything else is a fault of the
/// plan, the data or the storage, see [`BacktestRunError::code`].
pub fn run(
    run: &Run<'_>,
    panel: Arc<Panel>,
    actions: &[CorporateAction],
    signal: Option<&Signal>,
    sink: &dyn Sink,
) -> Result<Finished, BacktestRunError> {
    let started = (run.now)();
    sink.stage("preparing", 0.0);
    let mut findings = run.findings.to_vec();
    let panel = prepare::prepare(run.plan, panel, &mut findings)?;
    if !actions.is_empty() && matches!(run.plan, Plan::Qlib(_)) {
        let message = "Qlib's engine knows no corporate actions: they were left out";
        findings.push(finding("warning", "actions_left_out", message.to_owned()));
    }
    tell(sink, &findings[run.findings.len()..]);
    let known = findings.len();
    let simulation = Simulation::prepare(run.plan, &panel, actions)?;
    check(sink)?;

    sink.stage("simulating", sink::SIMULATING.0);
    let outcome = simulate(&simulation, run.plan, signal, sink)?;

    sink.stage("evaluating", sink::SIMULATING.1);
    let mut files = outputs::tables(run.scratch, &panel, &outcome)?;
    check(sink)?;
    let report = Report::new(ReportSource {
        plan: run.plan,
        panel: &panel,
        outcome: &outcome,
        dataset: (run.dataset.name, run.dataset.version),
        prices: run.prices,
        groups: run.groups,
        session: run.session,
        build: run.build,
        started,
        finished: (run.now)(),
        findings,
    })?;
    tell(sink, &report.findings[known..]);
    files.extend(outputs::report(run.scratch, &report)?);
    sink.stage("completed", 100.0);
    Ok(Finished { summary: report.summary(), files })
}

fn simulate(
    simulation: &Simulation,
    plan: &Plan,
    signal: Option<&Signal>,
    sink: &dyn Sink,
) -> Result<Outcome, BacktestRunError> {
    let outcome = simulation.run(plan, signal, &mut |point| {
        sink.point(point);
        if sink.stop() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    })?;
    if outcome.stopped() { Err(BacktestRunError::Stopped) } else { Ok(outcome) }
}

fn tell(sink: &dyn Sink, findings: &[Finding]) {
    for found in findings {
        match found.severity.as_str() {
            "info" => sink.inform(&found.message),
            _ => sink.warn(&found.message),
        }
    }
}

fn check(sink: &dyn Sink) -> Result<(), BacktestRunError> {
    if sink.stop() { Err(BacktestRunError::Stopped) } else { Ok(()) }
}

/// A finding of the data, in the terms of a report.
pub fn market_finding(found: alphafleet_market::Finding) -> Finding {
    finding(&found.severity.to_string(), found.code.as_str(), found.message)
}

fn finding(severity: &str, code: &str, message: String) -> Finding {
    Finding { severity: severity.to_owned(), code: code.to_owned(), message }
}
