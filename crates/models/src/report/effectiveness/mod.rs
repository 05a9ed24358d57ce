//! The page of an [`EffectivenessReport`].

mod factor;
mod style;
mod summary;
#[cfg(test)]
mod tests;

use std::fmt::Write;

use alphafleet_factors::EffectivenessReport;

use super::heat::HEAT_STYLE;
use super::markup::{escape, grouped, opening, section, table};
use super::style::STYLE;

/// Factors whose parts are open when the page is; more than these start folded.
const OPEN_FACTORS: usize = 3;

/// The report as one HTML page that needs nothing else. `data` is what the data is called.
///
/// Factors come in the order of [`EffectivenessReport::by_rank_icir`].
pub fn effectiveness_html(report: &EffectivenessReport, data: &str) -> String {
    let mut out =
        opening(&format!("Factor effectiveness on {data}"), &[STYLE, HEAT_STYLE, style::STYLE]);
    let ordered = report.by_rank_icir();
    header(&mut out, report, data);
    section(&mut out, "Factors by rank ICIR", &summary::table_of(report, &ordered));
    section(&mut out, "How these figures are defined", &conventions(report));
    section(&mut out, "Findings", &findings(report));
    let mut factors = String::new();
    for (at, factor) in ordered.iter().enumerate() {
        factors.push_str(&factor::part(report, factor, at, ordered.len() <= OPEN_FACTORS));
    }
    section(&mut out, "Factor by factor", &factors);
    out.push_str("</main>\n</body>\n</html>\n");
    out
}

fn header(out: &mut String, report: &EffectivenessReport, data: &str) {
    let _ = write!(
        out,
        "<header>\n<h1>Factor effectiveness on {}</h1>\n<p class=\"soft\">{} to {} · {} instruments · {} bars · {} factors</p>\n</header>\n",
        escape(data),
        report.start.date(),
        report.end.date(),
        grouped(report.instruments as u64),
        grouped(report.bars as u64),
        grouped(report.factors.len() as u64),
    );
}

fn conventions(report: &EffectivenessReport) -> String {
    let rows = report.returns.iter().map(|returns| {
        vec![
            returns.horizon.to_string(),
            format!("<code>{}</code>", escape(&returns.expression)),
            format!("{:.1} %", returns.coverage * 100.0),
        ]
    });
    let heads = [("Horizon", true), ("Forward return", false), ("Cells with one", true)];
    let mut out = table(&heads, rows);
    out.push_str("<details><summary>IC, t, quantiles, turnover</summary><ul>");
    for line in [
        "IC and rank IC: Pearson and Spearman correlation of factor and forward return across the instruments of a bar that have both; the figures are of the bars' series.",
        "ICIR: mean over standard deviation (n − 1), not annualised. t (NW): mean over its Newey–West error with Bartlett weights, as returns over several bars overlap; p is two-sided, of Student's t with n − 1 degrees of freedom.",
        "Quantiles: each bar's instruments parted by rank into groups of equal count, equals together; a group's return is its members' mean.",
        "Spread: top less bottom group. Sharpe: mean over standard deviation, times the root of (bars a year over horizon); without costs or riskless rate, the overlap not corrected.",
        "Turnover: share of the top group's members who were not in it the given bars before.",
        "Cumulative returns are sums of the returns over the horizon divided by the horizon, not compounded.",
    ] {
        let _ = write!(out, "<li>{line}</li>");
    }
    let _ = write!(
        out,
        "</ul><p class=\"soft\">{} quantiles · {} bars a year</p></details>",
        report.options.quantiles, report.options.periods_per_year
    );
    out
}

/// Of the data; the factors tell their own.
fn findings(report: &EffectivenessReport) -> String {
    list(&report.findings)
}

fn list(findings: &[alphafleet_factors::Finding]) -> String {
    let rows = findings.iter().map(|finding| {
        vec![
            format!("<span class=\"warning mono\">{}</span>", escape(&finding.code)),
            escape(&finding.message),
        ]
    });
    if findings.is_empty() {
        return String::new();
    }
    table(&[("Code", false), ("What was found", false)], rows)
}
