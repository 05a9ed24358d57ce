use std::fmt::Write;

use chrono::NaiveDateTime;
use serde_json::Value;

use super::chart::{Chart, Line, draw};
use super::markup::{duration, escape, figure, fixed, grouped, opening, section, table};
use super::style::STYLE;
use super::time_axis::{place, time_labels};
use super::{Finding, IcPoint, TrainingReport};
use crate::{FeatureImportance, Series, TRAIN_L2, VALID_L2};

/// Features the importance table shows; the rest fold away.
const FEATURES_SHOWN: usize = 20;

pub(super) fn page(report: &TrainingReport) -> String {
    let title = format!("Training report: {} on {}", report.model.kind, report.dataset.name);
    let mut out = opening(&title, &[STYLE]);
    header(&mut out, report);
    section(&mut out, "Result on the test segment", &figures(report));
    section(&mut out, "Findings", &findings(&report.findings));
    section(&mut out, "Learning", &learning(report));
    section(&mut out, "Information coefficient over time", &coefficients(&report.ic_series));
    section(&mut out, "Feature importance", &importance(&report.feature_importance));
    section(&mut out, "Data", &data(report));
    section(&mut out, "Configuration", &configuration(&report.configuration));
    let _ = write!(
        out,
        "<footer>Session <span class=\"mono\">{}</span> · model SHA-256 <span class=\"mono\">{}</span> · build {} · {} threads · seed {}</footer>\n</main>\n</body>\n</html>\n",
        escape(&report.session),
        escape(&report.model.sha256),
        escape(&report.environment.build),
        report.environment.threads,
        seed(report),
    );
    out
}

/// A linear model needs none; LightGBM brings one of its own.
fn seed(report: &TrainingReport) -> String {
    match report.environment.seed {
        Some(seed) => seed.to_string(),
        None if report.model.kind == "lightgbm" => "of LightGBM".to_owned(),
        None => "–".to_owned(),
    }
}

fn header(out: &mut String, report: &TrainingReport) {
    let _ = write!(
        out,
        "<header>\n<h1>{} on {}</h1>\n<p class=\"soft\">{} to {} · {} instruments · {} rows · version <span class=\"mono\">{}</span></p>\n<p class=\"soft\">{} · took {}</p>\n</header>\n",
        escape(&report.model.kind),
        escape(&report.dataset.name),
        report.dataset.start,
        report.dataset.end,
        grouped(report.dataset.instruments),
        grouped(report.dataset.rows),
        escape(&report.dataset.version),
        report.created_at.format("%Y-%m-%d %H:%M UTC"),
        duration(report.duration_s),
    );
}

fn figures(report: &TrainingReport) -> String {
    let mut out = String::from("<dl class=\"figures\">");
    for (name, metric) in report.metrics.iter() {
        let _ = write!(out, "<div><dt>{name}</dt><dd>{}</dd></div>", fixed(metric.value));
    }
    let (best, all) = (report.model.best_round, report.model.rounds);
    let _ =
        write!(out, "<div><dt>Best round</dt><dd>{best} <small>of {all}</small></dd></div></dl>");
    out.push_str("<details><summary>How these figures are defined</summary>");
    let rows = report.metrics.iter();
    let rows = rows
        .iter()
        .map(|(name, metric)| vec![escape(name), figure(metric.value), escape(&metric.convention)]);
    let heads = [("Figure", false), ("Value", true), ("Convention", false)];
    out.push_str(&table(&heads, rows));
    out.push_str("</details>");
    out
}

/// What a run noticed, the severity marked.
pub fn findings(findings: &[Finding]) -> String {
    if findings.is_empty() {
        return "<p class=\"soft\">Nothing to report.</p>".to_owned();
    }
    let heads = [("Severity", false), ("Code", false), ("What was found", false)];
    let rows = findings.iter().map(|finding| {
        let class = match finding.severity.as_str() {
            "error" => "error",
            "warning" => "warning",
            _ => "soft",
        };
        vec![
            format!("<span class=\"{class}\">{}</span>", escape(&finding.severity)),
            format!("<span class=\"mono\">{}</span>", escape(&finding.code)),
            escape(&finding.message),
        ]
    });
    table(&heads, rows)
}

/// The losses in one chart, each further metric in one of its own.
fn learning(report: &TrainingReport) -> String {
    let line = |series: &'_ Series| -> Vec<(f64, f64)> {
        let points = series.points.iter();
        points.map(|(round, value)| (f64::from(*round), value.unwrap_or(f64::NAN))).collect()
    };
    let best = f64::from(report.model.best_round);
    let rounds = f64::from(report.model.rounds);
    let steps = (rounds / 8.0).ceil().max(1.0);
    let x_labels: Vec<(f64, String)> = (0..=8)
        .map(|at| if at == 0 { 1.0 } else { f64::from(at) * steps })
        .filter(|at| *at <= rounds)
        .map(|at| (at, format!("{at:.0}")))
        .collect();
    let chart = |title, lines| {
        let mark = Some((best, format!("best round {best:.0}")));
        draw(&Chart { title, lines, bars: Vec::new(), mark, x_labels: x_labels.clone() })
    };
    let losses = [(TRAIN_L2, "train", "a"), (VALID_L2, "valid", "b")];
    let lines = losses.into_iter().filter_map(|(name, shown, class)| {
        let points = line(report.history.get(name)?);
        Some(Line { name: shown, class, points })
    });
    let mut out = chart("Loss (mean squared error) by round", lines.collect());
    let further = report
        .history
        .0
        .iter()
        .filter(|series| losses.iter().all(|(name, ..)| series.name != *name));
    for series in further {
        let lines = vec![Line { name: &series.name, class: "c", points: line(series) }];
        out.push_str(&chart(&series.name, lines));
    }
    out
}

fn coefficients(series: &[IcPoint]) -> String {
    let points = |value: fn(&IcPoint) -> Option<f64>| -> Vec<(f64, f64)> {
        series
            .iter()
            .map(|point| (place(point.datetime), value(point).unwrap_or(f64::NAN)))
            .collect()
    };
    let summed = |points: &[(f64, f64)]| -> Vec<(f64, f64)> {
        let mut sum = 0.0;
        let known = points.iter().filter(|(_, value)| value.is_finite());
        known
            .map(|(at, value)| {
                sum += value;
                (*at, sum)
            })
            .collect()
    };
    let (ic, rank) = (points(|point| point.ic), points(|point| point.rank_ic));
    if ic.iter().chain(&rank).all(|(_, value)| !value.is_finite()) {
        return String::new();
    }
    let cumulative = vec![
        Line { name: "IC", class: "a", points: summed(&ic) },
        Line { name: "rank IC", class: "b", points: summed(&rank) },
    ];
    let mean = Line { name: "mean of the last 20 bars", class: "a", points: rolling(&ic, 20) };
    let each = Chart {
        title: "IC of each bar",
        lines: vec![mean],
        bars: ic,
        mark: None,
        x_labels: dates(series),
    };
    let cumulative = Chart {
        title: "Cumulative IC",
        lines: cumulative,
        bars: Vec::new(),
        mark: None,
        x_labels: dates(series),
    };
    draw(&each) + &draw(&cumulative)
}

/// Means over the last `window` known values, from the first full window on.
fn rolling(points: &[(f64, f64)], window: usize) -> Vec<(f64, f64)> {
    let known: Vec<_> = points.iter().filter(|(_, value)| value.is_finite()).collect();
    known
        .windows(window)
        .map(|part| {
            let sum: f64 = part.iter().map(|(_, value)| value).sum();
            (part[window - 1].0, sum / window as f64)
        })
        .collect()
}

fn dates(series: &[IcPoint]) -> Vec<(f64, String)> {
    let times: Vec<NaiveDateTime> = series.iter().map(|point| point.datetime).collect();
    time_labels(&times)
}

fn importance(features: &[FeatureImportance]) -> String {
    let used: Vec<_> = features.iter().filter(|feature| feature.split > 0).collect();
    let Some(most) = used.iter().map(|feature| feature.gain).reduce(f64::max) else {
        return String::new();
    };
    let total: f64 = used.iter().map(|feature| feature.gain).sum();
    let row = |(at, feature): (usize, &&FeatureImportance)| {
        let share = |of: f64| if of > 0.0 { 100.0 * feature.gain / of } else { 0.0 };
        vec![
            (at + 1).to_string(),
            format!("<span class=\"mono\">{}</span>", escape(&feature.name)),
            format!(
                "<svg class=\"track\" viewBox=\"0 0 100 8\" preserveAspectRatio=\"none\" aria-hidden=\"true\"><rect width=\"{:.2}\" height=\"8\"/></svg>",
                share(most)
            ),
            format!("{:.1} %", share(total)),
            figure(Some(feature.gain)),
            grouped(feature.split),
        ]
    };
    let heads = [
        ("", true),
        ("Feature", false),
        ("Gain", false),
        ("Share", true),
        ("Total gain", true),
        ("Splits", true),
    ];
    let shown = used.len().min(FEATURES_SHOWN);
    let mut out = table(&heads, used.iter().enumerate().take(shown).map(row));
    if used.len() > shown {
        let _ = write!(out, "<details><summary>{} more features</summary>", used.len() - shown);
        out.push_str(&table(&heads, used.iter().enumerate().skip(shown).map(row)));
        out.push_str("</details>");
    }
    let unused = features.len() - used.len();
    if unused > 0 {
        let _ = write!(
            out,
            "<p class=\"soft\">{} features are in no split.</p>",
            grouped(unused as u64)
        );
    }
    out
}

fn data(report: &TrainingReport) -> String {
    let heads = [("Segment", false), ("From", false), ("To", false), ("Rows", true)];
    let rows = report.segments.iter().map(|segment| {
        vec![
            escape(&segment.name),
            segment.start.to_string(),
            segment.end.to_string(),
            grouped(segment.rows),
        ]
    });
    let mut out = table(&heads, rows);
    let _ = write!(
        out,
        "<p class=\"soft\">{} features · label <code>{}</code></p>",
        grouped(report.model.features),
        escape(&report.label)
    );
    out
}

/// Each leaf of a document by its path as a table, and the document as JSON.
pub fn configuration(document: &Value) -> String {
    let mut rows = Vec::new();
    flatten("", document, &mut rows);
    let cells = rows.into_iter().map(|(path, value)| {
        vec![format!("<span class=\"mono\">{}</span>", escape(&path)), escape(&value)]
    });
    let mut out = table(&[("Parameter", false), ("Value", false)], cells);
    let json = serde_json::to_string_pretty(document).unwrap_or_default();
    let _ =
        write!(out, "<details><summary>As JSON</summary><pre>{}</pre></details>", escape(&json));
    out
}

fn flatten(path: &str, value: &Value, rows: &mut Vec<(String, String)>) {
    match value {
        Value::Object(fields) if !fields.is_empty() => {
            for (key, value) in fields {
                let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
                flatten(&path, value, rows);
            }
        }
        Value::Array(items) if items.iter().any(|item| item.is_object() || item.is_array()) => {
            for (at, item) in items.iter().enumerate() {
                flatten(&format!("{path}[{at}]"), item, rows);
            }
        }
        Value::Array(items) => {
            let items: Vec<String> = items.iter().map(plain).collect();
            rows.push((path.to_owned(), items.join(", ")));
        }
        leaf => rows.push((path.to_owned(), plain(leaf))),
    }
}

fn plain(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null => "–".to_owned(),
        other => other.to_string(),
    }
}
