use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use alphafleet_backtest::plan::{Plan, PlanDraft, PlanFault, Point};
use alphafleet_backtest::{BacktestError, CorporateAction, Signal};
use alphafleet_backtest_worker::{
    BacktestRunError, Blame, Finished, Groups, Run, RunDataset, Sink, SweepRun, align_signal,
    market_finding, percent, read_actions, read_groups,
};
use alphafleet_datasets::{
    Import, ImportOptions, PriceBasis, SourceFile, import_files, read_signals,
};
use alphafleet_factors::Expr;
use alphafleet_market::{Panel, adjust, survivors_only};
use alphafleet_models::Finding;
use alphafleet_specs::{document_from_json, document_from_toml};
use alphafleet_worker::child::explain;
use anyhow::Context;
use chrono::{NaiveDate, Utc};
use indicatif::ProgressBar;
use serde_json::Value;

use super::{period, summary, sweep};
use crate::args::{AdjustPrices, Backtest};
use crate::commands::data::print_findings;
use crate::commands::members::of_universe;
use crate::failure::Usage;
use crate::output;

/// A backtest to be run here.
pub struct Request {
    config: PathBuf,
    data: Vec<PathBuf>,
    adjustment: AdjustPrices,
    members: Option<String>,
    signals: Option<PathBuf>,
    actions: Option<PathBuf>,
    groups: Option<PathBuf>,
    from: Option<NaiveDate>,
    to: Option<NaiveDate>,
    out: PathBuf,
    sweep: Option<PathBuf>,
}

impl Request {
    pub fn of(args: Backtest) -> Option<Self> {
        let Backtest { data, adjustment, members, signals, actions, groups, .. } = args;
        let Backtest { from, to, sweep, .. } = args;
        let (config, out) = (args.local?, args.out?);
        Some(Self {
            config,
            data,
            adjustment: adjustment.unwrap_or(AdjustPrices::None),
            members,
            signals,
            actions,
            groups,
            from,
            to,
            out,
            sweep,
        })
    }
}

/// Runs the plan in this process and leaves everything in the folder.
pub async fn run(json: bool, request: Request) -> anyhow::Result<ExitCode> {
    let interrupted = Arc::new(AtomicBool::new(false));
    let flag = interrupted.clone();
    tokio::spawn(async move {
        if tokio::signal::ctrl_c().await.is_ok() {
            flag.store(true, Ordering::Relaxed);
        }
    });
    let out = request.out.clone();
    let result = tokio::task::spawn_blocking(move || backtest(json, &request, &interrupted));
    let result = result.await??;
    if json {
        output::json(&result)?;
    } else {
        summary::print(&result);
        println!("{}", out.join("report.html").display());
    }
    Ok(ExitCode::SUCCESS)
}

fn backtest(json: bool, request: &Request, interrupted: &AtomicBool) -> anyhow::Result<Value> {
    let draft = draft(&request.config)?;
    let sweep = request.sweep.as_deref().map(sweep::config).transpose()?;
    refuse_booking_twice(request)?;
    if draft.needs_signal() && request.signals.is_none() {
        let message = "--signals is missing: this strategy goes by scores; give a model's \
            predictions or another file with instrument, datetime and score";
        return Err(Usage(message.to_owned()).into());
    }
    let options = ImportOptions { price_basis: Some(PriceBasis::Raw), ..ImportOptions::default() };
    let import = import_files(&request.data, &options)?;
    let (name, version) = (name(&request.data), version(&import));
    let (panel, adjusted) = adjust(import.panel, request.adjustment.into())
        .map_err(|error| Usage(error.to_string()))?;
    let panel = Arc::new(of_universe(panel, request.members.as_deref())?);
    let found = import.findings.into_iter().chain(adjusted).chain(survivors_only(&panel));
    let mut findings: Vec<Finding> = found.map(market_finding).collect();
    let signal = signal(request, &draft, &panel, &mut findings)?;
    if !json {
        print_findings(&serde_json::to_value(&findings)?);
    }
    let actions = actions(request)?;
    let groups = groups(request, &panel)?;
    let plan = period::complete(draft, (request.from, request.to), &panel, signal.as_ref())?;
    std::fs::create_dir_all(&request.out)
        .map_err(|error| Usage(format!("{}: {error}", request.out.display())))?;
    let bar = output::stage_bar(json);
    let dataset = RunDataset { name: &name, version: &version };
    let prices = prices(&plan, request.adjustment, actions.len());
    let finished = match &sweep {
        Some(config) => alphafleet_backtest_worker::sweep(
            &SweepRun {
                plan: &plan,
                config,
                dataset,
                prices: &prices,
                inputs: &Value::Null,
                session: "local",
                build: env!("CARGO_PKG_VERSION"),
                scratch: &request.out,
                findings: &findings,
                checkpoint: None,
                threads: 0,
                now: Utc::now,
            },
            panel,
            &actions,
            signal.as_ref(),
            &sweep::Screen { bar: bar.clone(), interrupted },
        ),
        None => alphafleet_backtest_worker::run(
            &Run {
                plan: &plan,
                dataset,
                prices: &prices,
                groups: groups.as_ref(),
                session: "local",
                build: env!("CARGO_PKG_VERSION"),
                scratch: &request.out,
                findings: &findings,
                now: Utc::now,
            },
            panel,
            &actions,
            signal.as_ref(),
            &Screen { bar: bar.clone(), interrupted },
        ),
    };
    bar.finish_and_clear();
    summary_of(finished)
}

/// Adjusted prices have splits and dividends in them.
fn refuse_booking_twice(request: &Request) -> Result<(), Usage> {
    let adjustment = match request.adjustment {
        AdjustPrices::None => return Ok(()),
        AdjustPrices::Backward => "backward",
        AdjustPrices::Forward => "forward",
    };
    if request.actions.is_none() {
        return Ok(());
    }
    Err(Usage(format!(
        "--actions with --adjustment {adjustment} would book splits and dividends twice, as \
         adjusted prices have them already: leave one of the two out"
    )))
}

fn summary_of(finished: Result<Finished, BacktestRunError>) -> anyhow::Result<Value> {
    match finished {
        Ok(finished) => Ok(finished.summary),
        Err(BacktestRunError::Stopped) => Err(anyhow::anyhow!("interrupted")),
        Err(error) if matches!(error.blame(), Blame::Specification | Blame::Data) => {
            Err(Usage(error.explain()).into())
        }
        Err(error) => Err(error.into()),
    }
}

/// TOML, or by its ending JSON.
fn draft(config: &Path) -> anyhow::Result<PlanDraft> {
    let text = std::fs::read_to_string(config)
        .map_err(|error| Usage(format!("{} cannot be read: {error}", config.display())))?;
    let document = match config.extension() {
        Some(ending) if ending == "json" => document_from_json(&text),
        _ => document_from_toml(&text),
    };
    let what = || format!("{} is not a backtest", config.display());
    let document = document.with_context(what)?;
    let draft = PlanDraft::from_value(&document);
    draft.map_err(|fault| Usage(pointed(&fault, &document))).with_context(what)
}

/// The fault, and below it the place in the expression that it is of, if it is of one.
fn pointed(fault: &PlanFault, document: &Value) -> String {
    let path = format!("/{}", fault.field.replace('.', "/"));
    let pointer = document.pointer(&path).and_then(Value::as_str).and_then(|text| {
        let error = Expr::parse(text).err()?;
        error.pointer(text)
    });
    pointer.map_or_else(|| fault.to_string(), |pointer| format!("{fault}\n{pointer}"))
}

fn signal(
    request: &Request,
    draft: &PlanDraft,
    panel: &Panel,
    findings: &mut Vec<Finding>,
) -> anyhow::Result<Option<Signal>> {
    let Some(path) = &request.signals else { return Ok(None) };
    if !draft.takes_signal() {
        let message = "--signals: this strategy takes no scores; leave them out";
        return Err(Usage(message.to_owned()).into());
    }
    let file = read_signals(path)?;
    findings.extend(file.findings.into_iter().map(market_finding));
    let aligned = align_signal(panel, &file.rows).map_err(mistake)?;
    findings.extend(aligned.findings);
    Ok(Some(aligned.signal))
}

fn actions(request: &Request) -> Result<Vec<CorporateAction>, Usage> {
    let Some(path) = &request.actions else { return Ok(Vec::new()) };
    read_actions(path).map_err(|error| Usage(explain(&error)))
}

fn groups(request: &Request, panel: &Panel) -> Result<Option<Groups>, Usage> {
    let Some(path) = &request.groups else { return Ok(None) };
    let groups = read_groups(path).map_err(|error| Usage(explain(&error)))?;
    if !panel.instruments().iter().any(|instrument| groups.has(instrument)) {
        let message = "no instrument of the data is in it; see how both spell their names";
        return Err(Usage(format!("{}: {message}", path.display())));
    }
    Ok(Some(groups))
}

/// What the report says of the prices.
fn prices(plan: &Plan, adjustment: AdjustPrices, actions: usize) -> String {
    let basis = match adjustment {
        AdjustPrices::None => "as the files have them",
        AdjustPrices::Backward => "adjusted backward by the files' factor",
        AdjustPrices::Forward => "adjusted forward by the files' factor",
    };
    match (plan, actions) {
        (Plan::Qlib(_), _) | (_, 0) => basis.to_owned(),
        (Plan::Event(_), actions) => {
            format!("{basis}; {actions} splits and dividends are booked on their days")
        }
    }
}

pub(super) fn mistake(error: BacktestError) -> Usage {
    Usage(BacktestRunError::from(error).explain())
}

/// The first file's name, with the number of the others.
fn name(files: &[PathBuf]) -> String {
    let stem = files.first().and_then(|file| file.file_stem());
    let stem = stem.map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    match files.len() {
        0 | 1 => stem,
        more => format!("{stem} and {} more", more - 1),
    }
}

/// The sources' checksums name the data of a local run.
fn version(import: &Import) -> String {
    let short = |source: &SourceFile| source.sha256.chars().take(16).collect::<String>();
    import.sources.iter().map(short).collect::<Vec<_>>().join("+")
}

/// Draws the pipeline's progress.
struct Screen<'a> {
    bar: ProgressBar,
    interrupted: &'a AtomicBool,
}

impl Sink for Screen<'_> {
    fn stage(&self, name: &str, percent: f64) {
        self.bar.set_prefix(name.to_owned());
        self.bar.set_position((percent * 10.0) as u64);
    }

    fn point(&self, point: &Point) {
        self.bar.set_position((percent(point) * 10.0) as u64);
        self.bar.set_message(format!("{}  equity {:.0}", point.time.date(), point.equity));
    }

    fn inform(&self, message: &str) {
        self.bar.suspend(|| eprintln!("{message}"));
    }

    fn warn(&self, message: &str) {
        self.bar.suspend(|| eprintln!("{message}"));
    }

    fn stop(&self) -> bool {
        self.interrupted.load(Ordering::Relaxed)
    }
}
