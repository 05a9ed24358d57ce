use std::fmt::Write;

use super::super::markup::{escape, minus};

/// Weaker values than this share of the strongest keep the page's own background.
const PLAIN: f64 = 0.05;

/// A row a year with its twelve months and the year's own mean, tinted by size and sign; nothing
/// without a value. `months` are named `2017-03`, ascending, as `years` are.
pub(super) fn table(
    (months, by_month): (&[String], &[Option<f64>]),
    (years, by_year): (&[String], &[Option<f64>]),
) -> String {
    let strongest = by_month.iter().flatten().map(|value| value.abs()).fold(0.0, f64::max);
    if strongest <= 0.0 {
        return String::new();
    }
    let mut out = String::from("<div class=\"scroll\"><table class=\"heat\"><thead><tr><th></th>");
    for month in 1..=12 {
        let _ = write!(out, "<th>{month:02}</th>");
    }
    out.push_str("<th>Year</th></tr></thead><tbody>");
    for (year, mean) in years.iter().zip(by_year) {
        let _ = write!(out, "<tr><th>{}</th>", escape(year));
        for month in 1..=12 {
            let name = format!("{year}-{month:02}");
            let at = months.binary_search(&name).ok();
            let value = at.and_then(|at| by_month.get(at).copied().flatten());
            cell(&mut out, value, strongest);
        }
        cell(&mut out, *mean, strongest);
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
    out
}

fn cell(out: &mut String, value: Option<f64>, strongest: f64) {
    let Some(value) = value else {
        out.push_str("<td></td>");
        return;
    };
    let share = (value / strongest).clamp(-1.0, 1.0);
    let side = if share < 0.0 { 'n' } else { 'p' };
    let class = match (share.abs() * 4.0).ceil() as u32 {
        _ if share.abs() < PLAIN => String::new(),
        step => format!(" class=\"{side}{step}\""),
    };
    let _ = write!(out, "<td{class}>{}</td>", minus(&format!("{value:.3}")));
}
