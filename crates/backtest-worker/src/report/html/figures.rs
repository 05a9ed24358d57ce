use std::fmt::Write;

use alphafleet_models::page::{escape, figure, fixed, grouped, minus, table};

use super::super::{Figure, Report, Unit};

/// What stands at the head of the page, where the run has it.
const KEYS: [&str; 14] = [
    "total_return",
    "annual_return",
    "annual_volatility",
    "sharpe",
    "sortino",
    "calmar",
    "max_drawdown",
    "win_rate",
    "final_equity",
    "costs",
    "mean_turnover",
    "benchmark_total_return",
    "information_ratio",
    "excess_return_with_cost.annualized_return",
];

/// A fraction as percent.
pub(super) fn percent(value: f64) -> String {
    match value {
        value if !value.is_finite() => "–".to_owned(),
        value if value.abs() < 5e-5 => "0.00 %".to_owned(),
        value if value.abs() < 1e4 => format!("{} %", minus(&format!("{:.2}", value * 100.0))),
        value => format!("{} %", figure(Some(value * 100.0))),
    }
}

/// A figure's value as a person reads it.
pub(super) fn shown(figure_: &Figure) -> String {
    let Some(value) = figure_.value else { return "–".to_owned() };
    match figure_.unit {
        Unit::Fraction => percent(value),
        Unit::Ratio => fixed(Some(value)),
        Unit::Money => money(value),
        Unit::Count | Unit::Bars if value.fract() == 0.0 && (0.0..1e15).contains(&value) => {
            grouped(value as u64)
        }
        Unit::Count | Unit::Bars => fixed(Some(value)),
    }
}

/// Two places below a hundred, else whole.
pub(super) fn money(value: f64) -> String {
    match value {
        value if value.abs() < 100.0 => minus(&format!("{:.2}", value + 0.0)),
        value if value.abs() < 1e3 => minus(&format!("{value:.0}")),
        value => figure(Some(value)),
    }
}

pub(super) fn key_figures(report: &Report) -> String {
    let mut out = String::from("<dl class=\"figures\">");
    for found in KEYS.iter().filter_map(|name| report.figure(name)) {
        let _ =
            write!(out, "<div><dt>{}</dt><dd>{}</dd></div>", escape(&found.label), shown(found));
    }
    out.push_str("</dl>");
    out
}

pub(super) fn all(report: &Report) -> String {
    let convention = report.convention;
    let mut out = format!(
        "<p class=\"soft\">{} bars a year · riskless rate {} a year · r: return of a bar after costs, b: the benchmark's</p>",
        (convention.bars_per_year * 100.0).round() / 100.0,
        percent(convention.risk_free)
    );
    let heads = [("Figure", false), ("Value", true), ("Convention", false), ("Name", false)];
    for group in report.figures.iter().filter(|group| !group.figures.is_empty()) {
        let rows = group.figures.iter().map(|found| {
            vec![
                escape(&found.label),
                shown(found),
                escape(&found.convention),
                format!("<span class=\"mono\">{}</span>", escape(&found.name)),
            ]
        });
        let _ = write!(
            out,
            "<details><summary>{}</summary>{}</details>",
            escape(&group.title),
            table(&heads, rows)
        );
    }
    out
}
