use std::path::Path;

use alphafleet_backtest::plan::{Grid, KeyFigures};
use alphafleet_domain::ArtifactKind;
use alphafleet_worker::child::OutputFile;
use serde_json::Value;

use super::super::columns::Columns;
use super::BacktestRunError;
use super::report::curve;
use super::state::{Row, State};

/// Writes `sweep.parquet`, and `walk_forward.parquet` where there were windows.
pub(super) fn write(
    scratch: &Path,
    grid: &Grid,
    runnable: &[usize],
    state: &State,
) -> Result<Vec<OutputFile>, BacktestRunError> {
    let mut files = vec![file(scratch, "sweep.parquet", sweep(grid, runnable, state))?];
    if !state.windows.is_empty() {
        files.push(file(scratch, "walk_forward.parquet", walk_forward(state))?);
    }
    Ok(files)
}

fn file(
    scratch: &Path,
    name: &'static str,
    columns: Columns,
) -> Result<OutputFile, BacktestRunError> {
    let file = OutputFile::new(ArtifactKind::Other, name, scratch.join(name));
    columns.write(&file.path)?;
    Ok(file)
}

fn sweep(grid: &Grid, runnable: &[usize], state: &State) -> Columns {
    let mut ran = runnable.iter().zip(&state.rows).peekable();
    let rows: Vec<Row> = (0..grid.configurations())
        .map(|configuration| match ran.next_if(|(place, _)| **place == configuration) {
            Some((_, row)) => Row { excess: None, ..row.clone() },
            None => Row::refused(
                grid.plan(configuration)
                    .err()
                    .map_or_else(|| "was not run".to_owned(), |fault| fault.to_string()),
            ),
        })
        .collect();
    let mut columns =
        Columns::default().counts("configuration", (0..rows.len()).map(|place| place as i64));
    for (at, axis) in grid.axes().iter().enumerate() {
        let values = (0..rows.len()).map(|configuration| grid.values(configuration)[at].clone());
        columns = if axis.values.iter().all(Value::is_number) {
            columns.floats(axis.path.clone(), values.map(|value| value.as_f64()))
        } else {
            columns.texts::<_, String>(axis.path.clone(), values.map(|value| text(&value)))
        };
    }
    type Of = fn(&KeyFigures) -> Option<f64>;
    let figures: [(&'static str, Of); 9] = [
        ("total_return", |of| of.total_return),
        ("annual_return", |of| of.annual_return),
        ("annual_volatility", |of| of.annual_volatility),
        ("sharpe", |of| of.sharpe),
        ("sortino", |of| of.sortino),
        ("calmar", |of| of.calmar),
        ("max_drawdown", |of| Some(of.max_drawdown)),
        ("mean_turnover", |of| of.mean_turnover),
        ("total_costs", |of| Some(of.costs)),
    ];
    for (name, of) in figures {
        columns = columns.floats(name, rows.iter().map(|row| row.figures.as_ref().and_then(of)));
    }
    columns
        .counts("trades", rows.iter().map(|row| row.figures.map(|of| of.trades as i64)))
        .counts("bars", rows.iter().map(|row| row.figures.map(|of| of.bars as i64)))
        .texts::<Option<&str>, &str>("fault", rows.iter().map(|row| row.fault.as_deref()))
}

fn walk_forward(state: &State) -> Columns {
    let points = curve(&state.windows);
    Columns::default()
        .times("datetime", points.iter().map(|point| point.datetime))
        .counts("window", points.iter().map(|point| point.window as i64))
        .floats("return", points.iter().map(|point| point.return_rate))
        .floats("benchmark_return", points.iter().map(|point| point.benchmark))
        .floats("wealth", points.iter().map(|point| point.wealth))
}

/// A value as a person reads it.
pub(super) fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}
