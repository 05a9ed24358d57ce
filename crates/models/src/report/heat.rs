use std::fmt::Write;

use super::markup::{escape, minus};

/// Weaker values than this share of the strongest keep the page's own background.
const PLAIN: f64 = 0.05;

/// What a page with such a table needs beyond the common style sheet: `n1` to `n4` and `p1` to
/// `p4` tint cells from weak to strong.
pub const HEAT_STYLE: &str = r"
.heat td { text-align: center; font-variant-numeric: tabular-nums; font-size: 0.8rem; padding: 0.3rem 0.25rem; border: 1px solid var(--page); white-space: nowrap; }
.heat th { text-align: center; padding: 0.3rem 0.25rem; } .heat tbody th { border-bottom: 0; }
.n1 { background: rgba(194, 87, 26, 0.12); } .n2 { background: rgba(194, 87, 26, 0.28); } .n3 { background: rgba(194, 87, 26, 0.46); } .n4 { background: rgba(194, 87, 26, 0.66); }
.p1 { background: rgba(47, 95, 208, 0.12); } .p2 { background: rgba(47, 95, 208, 0.28); } .p3 { background: rgba(47, 95, 208, 0.46); } .p4 { background: rgba(47, 95, 208, 0.66); }
";

/// A row a year with its twelve months and the year's own figure, tinted by size and sign; nothing
/// without a value. `months` are named `2017-03`, ascending, as `years` are; `show` writes a value.
pub fn table(
    (months, by_month): (&[String], &[Option<f64>]),
    (years, by_year): (&[String], &[Option<f64>]),
    show: fn(f64) -> String,
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
            cell(&mut out, value, strongest, show);
        }
        cell(&mut out, *mean, strongest, show);
        out.push_str("</tr>");
    }
    out.push_str("</tbody></table></div>");
    out
}

fn cell(out: &mut String, value: Option<f64>, strongest: f64, show: fn(f64) -> String) {
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
    let text = show(value);
    // What rounds to nothing has no sign.
    let text = if text.contains(|c| ('1'..='9').contains(&c)) {
        &*text
    } else {
        text.trim_start_matches('-')
    };
    let _ = write!(out, "<td{class}>{}</td>", minus(text));
}
