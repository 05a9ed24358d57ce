mod bars;
mod failure;
mod reporter;
mod scores;
mod shares;
mod stored;
mod sweep;
mod sweep_reporter;
mod sweep_run;
mod sweep_share;

use alphafleet_backtest::Signal;
use alphafleet_domain::NewBacktest;
use alphafleet_domain::job::{FailureCode, JobKind, LogLevel, Progress};
use alphafleet_specs::{Adjustment, BacktestSpec, Fundamentals};
use alphafleet_worker::child::{Assignment, Completed, Context, Handler, HandlerError};
use chrono::Utc;
use serde_json::{Value, json};

use crate::pipeline::{Finished, Run, RunDataset, run};
use bars::Bars;
use reporter::Reporter;
pub use sweep::BacktestSweepHandler;
pub use sweep_share::BacktestSweepShareHandler;

/// Serves jobs of the kind `backtest`.
///
/// Prices and volume are adjusted as the specification says, which is how the model's features saw
/// them: quantities are in adjusted shares, and splits and dividends are in the prices.
#[derive(Debug, Clone, Copy, Default)]
pub struct BacktestHandler;

impl Handler for BacktestHandler {
    fn kind(&self) -> JobKind {
        JobKind::Backtest
    }

    fn run(&self, assignment: &Assignment, ctx: &Context) -> Result<Completed, HandlerError> {
        let spec = BacktestSpec::from_value(&assignment.spec).map_err(|faults| {
            HandlerError::permanent(FailureCode::InvalidSpec, faults.to_string())
        })?;
        let (bars, signal) = read(assignment, (&spec, &spec.fundamentals()), ctx)?;
        let Bars { panel, findings, dataset, version } = bars;
        let finished = run(
            &Run {
                plan: &spec.plan,
                dataset: RunDataset { name: &dataset, version: &version },
                prices: prices(spec.adjustment),
                groups: None,
                session: &assignment.job.to_string(),
                build: env!("CARGO_PKG_VERSION"),
                scratch: assignment.scratch_folder()?,
                findings: &findings,
                now: Utc::now,
            },
            panel.into(),
            &[],
            signal.as_ref(),
            &Reporter::new(ctx, spec.plan.capital()),
        )?;
        Ok(completed(&spec, finished))
    }
}

/// What the report says of the prices: over the fleet they are those the model's features saw.
fn prices(adjustment: Adjustment) -> &'static str {
    match adjustment {
        Adjustment::None => {
            "as the dataset has them, raw: a split or dividend counts as a move of the price"
        }
        Adjustment::Backward => {
            "adjusted backward by the dataset's factor, so that quantities are in adjusted shares"
        }
        Adjustment::Forward => {
            "adjusted forward by the dataset's factor, so that quantities are in adjusted shares"
        }
    }
}

/// Reads what a backtest or a sweep goes by: the bars, and the scores if there are any.
fn read(
    assignment: &Assignment,
    (spec, reads): (&BacktestSpec, &Fundamentals),
    ctx: &Context,
) -> Result<(Bars, Option<Signal>), HandlerError> {
    let bars = read_bars(assignment, (spec, reads), ctx)?;
    let inputs = assignment.typed_inputs()?.signals;
    let signal = scores::read(&assignment.storage_url, spec, &inputs, &bars.panel)?;
    ctx.check()?;
    Ok((bars, signal))
}

fn read_bars(
    assignment: &Assignment,
    (spec, reads): (&BacktestSpec, &Fundamentals),
    ctx: &Context,
) -> Result<Bars, HandlerError> {
    ctx.progress(Progress {
        stage: "preparing".to_owned(),
        percent: 10.0,
        message: "reading the dataset".to_owned(),
        ..Progress::default()
    });
    let bars = bars::read(assignment, spec, reads)?;
    for finding in bars.findings.iter().filter(|finding| finding.severity != "info") {
        ctx.log(LogLevel::Warn, &finding.message);
    }
    ctx.check()?;
    Ok(bars)
}

fn completed(spec: &BacktestSpec, finished: Finished) -> Completed {
    let Finished { mut summary, files } = finished;
    let out_of_sample = spec.is_out_of_sample();
    let figure = |name: &str| summary.pointer(&format!("/metrics/{name}")).and_then(Value::as_f64);
    let period = spec.plan.period();
    let backtest = figure("total_return").map(|total_return| NewBacktest {
        start: period.start,
        end: period.end,
        out_of_sample,
        total_return,
        sharpe: figure("sharpe"),
    });
    summary["signals"] = json!(spec.signals);
    summary["out_of_sample"] = json!(out_of_sample);
    Completed { result: summary, files, backtest, ..Completed::default() }
}
