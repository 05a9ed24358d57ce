use std::fmt::Write;

use alphafleet_backtest::plan::KeyFigures;
use alphafleet_models::page::{
    Chart, Line, STYLE, chart, configuration, duration, escape, figure, findings, fixed, grouped,
    opening, place, section, table, time_labels,
};
use chrono::NaiveDateTime;
use serde_json::{Map, Value};

use super::report::{SweepReport, WalkForwardReport};
use super::tables::text;

const HEADS: [(&str, bool); 8] = [
    ("Total return", true),
    ("Annual return", true),
    ("Sharpe", true),
    ("Sortino", true),
    ("Max. drawdown", true),
    ("Mean turnover", true),
    ("Costs", true),
    ("Trades", true),
];

pub(super) fn page(report: &SweepReport) -> String {
    let title = format!("Sweep: {} on {}", report.strategy, report.dataset);
    let mut out = opening(&title, &[STYLE]);
    header(&mut out, report, &title);
    section(&mut out, "Best configurations", &best(report));
    section(&mut out, "How much of it is searching", &searching(report));
    if let Some(walk) = &report.walk_forward {
        section(&mut out, "Walking forward", &walk_forward(report, walk));
    }
    section(&mut out, "Findings", &findings(&report.findings));
    section(&mut out, "Plan", &configuration(&report.plan));
    let _ = write!(
        out,
        "<footer>Session <span class=\"mono\">{}</span> · build {}</footer>\n</main>\n</body>\n</html>\n",
        escape(&report.session),
        escape(&report.build),
    );
    out
}

fn header(out: &mut String, report: &SweepReport, title: &str) {
    let took = (report.finished - report.started).num_milliseconds() as f64 / 1_000.0;
    let _ = write!(
        out,
        "<header>\n<h1>{}</h1>\n<p class=\"soft\">{} to {} · {} bars · {} configurations, {} ran · by {} · took {}</p>\n<p class=\"soft\">Prices: {}. {} bars a year.</p>\n</header>\n",
        escape(title),
        report.period.start,
        report.period.end,
        grouped(report.bars as u64),
        grouped(report.configurations as u64),
        grouped(report.ran as u64),
        report.objective.as_str(),
        duration(took),
        escape(&report.prices),
        figure(Some(report.convention.bars_per_year)),
    );
}

fn best(report: &SweepReport) -> String {
    let mut heads = vec![("#", true)];
    heads.extend(report.axes.iter().map(|axis| (axis.path.as_str(), true)));
    heads.extend(HEADS);
    let rows = report.best.iter().map(|one| {
        let mut row = vec![one.configuration.to_string()];
        row.extend(shown(&one.values));
        row.extend(figures(&one.figures));
        row
    });
    table(&heads, rows)
        + "<p class=\"soft\">Figures of the whole period, after costs; sweep.parquet has every configuration.</p>"
}

fn shown(values: &Map<String, Value>) -> impl Iterator<Item = String> + '_ {
    values.values().map(|value| escape(&text(value)))
}

fn figures(of: &KeyFigures) -> [String; 8] {
    [
        fixed(of.total_return),
        fixed(of.annual_return),
        fixed(of.sharpe),
        fixed(of.sortino),
        fixed(Some(of.max_drawdown)),
        fixed(of.mean_turnover),
        figure(Some(of.costs)),
        grouped(of.trades as u64),
    ]
}

fn searching(report: &SweepReport) -> String {
    let mut out = String::new();
    match &report.deflated_sharpe {
        Some(deflated) => {
            let _ = write!(
                out,
                "<p>Deflated Sharpe ratio of the best: {} – the probability that its true ratio is above the best to be expected of {} trials without skill (Bailey and López de Prado 2014).</p>",
                fixed(Some(deflated.probability)),
                grouped(deflated.trials as u64)
            );
        }
        None => out.push_str("<p>The deflated Sharpe ratio is not defined for these runs.</p>"),
    }
    let check = &report.reality_check;
    match &check.absent {
        None => {
            let _ = write!(
                out,
                "<p>White's reality check against {}: p = {} of {} resamples.</p>",
                check.against,
                fixed(check.p_value),
                grouped(check.resamples as u64)
            );
        }
        Some(reason) => {
            let _ = write!(out, "<p>No reality check: {}.</p>", escape(reason));
        }
    }
    out
}

fn walk_forward(report: &SweepReport, walk: &WalkForwardReport) -> String {
    let of = walk.out_of_sample;
    let mut out = format!(
        "<p>Out of sample: total return {}, annual {}, Sharpe {}, maximum drawdown {}; {} of the annual return in sample.</p>",
        fixed(of.total_return),
        fixed(of.annual_return),
        fixed(of.sharpe),
        fixed(Some(of.max_drawdown)),
        fixed(of.efficiency),
    );
    let times: Vec<NaiveDateTime> = walk.curve.iter().map(|point| point.datetime).collect();
    let points = walk.curve.iter().map(|point| (place(point.datetime), point.wealth)).collect();
    out += &chart(&Chart {
        title: "Wealth out of sample",
        lines: vec![Line { name: "wealth, from 1", class: "a", points }],
        bars: Vec::new(),
        mark: None,
        x_labels: time_labels(&times),
    });
    let name = report.objective.as_str();
    let (within, after) = (format!("{name} in sample"), format!("{name} out of sample"));
    let mut heads = vec![("Chosen on", false), ("Judged on", false)];
    heads.extend(report.axes.iter().map(|axis| (axis.path.as_str(), true)));
    heads.extend([(within.as_str(), true), (after.as_str(), true), ("Return", true)]);
    let rows = walk.windows.iter().map(|one| {
        let mut row = vec![
            format!("{} to {}", one.train.start, one.train.end),
            format!("{} to {}", one.test.start, one.test.end),
        ];
        row.extend(shown(&one.values));
        row.push(fixed(report.objective.of(&one.in_sample)));
        row.push(fixed(report.objective.of(&one.out_of_sample)));
        row.push(fixed(one.out_of_sample.total_return));
        row
    });
    out + &table(&heads, rows)
}
