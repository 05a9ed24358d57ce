use alphafleet_models::page::{Chart, Line, chart, place, time_labels};
use chrono::NaiveDateTime;

use super::super::{CurvePoint, Report};

type Points = Vec<(f64, f64)>;

/// Equity beside the benchmark, and how far it lay below its peak.
pub(super) fn equity(report: &Report) -> String {
    let mut lines = vec![line("equity", "a", of(report, |point| point.equity))];
    if report.curve.iter().any(|point| point.benchmark.is_some()) {
        let grown = of(report, |point| point.benchmark.unwrap_or(f64::NAN));
        lines.push(line("benchmark, grown from the same capital", "b", grown));
    }
    let drawdown = of(report, |point| point.drawdown * 100.0);
    over_time(report, "Equity in the currency of the capital", lines, Vec::new())
        + &over_time(
            report,
            "Drawdown in percent",
            vec![line("drawdown", "a", drawdown)],
            Vec::new(),
        )
}

/// Ratio and volatility over the moving window.
pub(super) fn rolling(report: &Report) -> String {
    let rows = &report.rolling.rows;
    let points =
        |value: fn(&alphafleet_backtest::analysis::RollingFigures) -> Option<f64>| -> Points {
            rows.iter().map(|row| (place(row.time), value(row).unwrap_or(f64::NAN))).collect()
        };
    let times: Vec<NaiveDateTime> = rows.iter().map(|row| row.time).collect();
    let draw = |title: String, (name, class), points| {
        chart(&Chart {
            title: &title,
            lines: vec![line(name, class, points)],
            bars: Vec::new(),
            mark: None,
            x_labels: time_labels(&times),
        })
    };
    let window = report.rolling.window;
    if rows.is_empty() {
        return format!("<p class=\"soft\">The run is shorter than {window} bars.</p>");
    }
    draw(
        format!("Sharpe ratio of the last {window} bars"),
        ("Sharpe ratio", "a"),
        points(|row| row.sharpe),
    ) + &draw(
        format!("Annual volatility of the last {window} bars, in percent"),
        ("volatility", "c"),
        points(|row| row.annual_volatility.map(|volatility| volatility * 100.0)),
    )
}

pub(super) fn activity(report: &Report) -> String {
    let mut costs = 0.0;
    let summed = report.curve.iter().map(|point| {
        costs += point.costs;
        (place(point.datetime), costs)
    });
    let exposure = of(report, |point| point.exposure * 100.0);
    let turnover = of(report, |point| point.turnover * 100.0);
    let summed = summed.collect();
    over_time(
        report,
        "Gross position in percent of the equity",
        vec![line("gross position", "a", exposure)],
        vec![],
    ) + &over_time(report, "Turnover of each bar in percent of the equity", vec![], turnover)
        + &over_time(
            report,
            "Costs since the start, in the currency of the capital",
            vec![line("costs", "b", summed)],
            vec![],
        )
}

fn of(report: &Report, value: impl Fn(&CurvePoint) -> f64) -> Points {
    report.curve.iter().map(|point| (place(point.datetime), value(point))).collect()
}

fn line<'a>(name: &'a str, class: &'static str, points: Points) -> Line<'a> {
    Line { name, class, points }
}

fn over_time(report: &Report, title: &str, lines: Vec<Line<'_>>, bars: Points) -> String {
    let times: Vec<NaiveDateTime> = report.curve.iter().map(|point| point.datetime).collect();
    chart(&Chart { title, lines, bars, mark: None, x_labels: time_labels(&times) })
}
