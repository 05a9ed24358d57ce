use alphafleet_factors::{EffectivenessReport, FactorEffectiveness};

use super::super::markup::{escape, fixed, table};
use super::factor::{anchor, percent};

/// One row a factor, of the primary horizon.
pub(super) fn table_of(report: &EffectivenessReport, ordered: &[&FactorEffectiveness]) -> String {
    let horizon = report.options.horizons.first().copied().unwrap_or_default();
    let heads = [
        ("", true),
        ("Factor", false),
        ("Rank IC", true),
        ("Rank ICIR", true),
        ("t (NW)", true),
        ("p", true),
        ("IC", true),
        ("ICIR", true),
        ("IC > 0", true),
        ("Spread", true),
        ("Sharpe", true),
        ("Turnover", true),
        ("Coverage", true),
        ("Findings", false),
    ];
    let rows = ordered.iter().enumerate().map(|(at, factor)| row(at, factor));
    let mut out = format!(
        "<p class=\"soft\">Against the return over {horizon} {}.</p>",
        if horizon == 1 { "bar" } else { "bars" }
    );
    out.push_str(&table(&heads, rows));
    out
}

fn row(at: usize, factor: &FactorEffectiveness) -> Vec<String> {
    let name = format!("<a class=\"mono\" href=\"#{}\">{}</a>", anchor(at), escape(&factor.name));
    let codes: Vec<String> = factor.findings.iter().map(|found| escape(&found.code)).collect();
    let findings = format!("<span class=\"warning mono\">{}</span>", codes.join(" "));
    let primary = factor.horizons.first();
    let of = |value: Option<Option<f64>>| fixed(value.flatten());
    let turnover = factor.turnover.first().and_then(|turnover| turnover.top);
    vec![
        (at + 1).to_string(),
        name,
        of(primary.map(|p| p.rank_ic.mean)),
        of(primary.map(|p| p.rank_ic.icir)),
        short(primary.and_then(|p| p.rank_ic.t_newey_west)),
        p_value(primary.and_then(|p| p.rank_ic.p_value_newey_west)),
        of(primary.map(|p| p.ic.mean)),
        of(primary.map(|p| p.ic.icir)),
        percent(primary.and_then(|p| p.ic.positive)),
        of(primary.map(|p| p.quantiles.spread.mean)),
        short(primary.and_then(|p| p.quantiles.spread.sharpe_annualised)),
        percent(turnover),
        percent(factor.coverage.mean),
        if codes.is_empty() { String::new() } else { findings },
    ]
}

/// Two places.
pub(super) fn short(value: Option<f64>) -> String {
    match value {
        Some(value) if value.is_finite() && value.abs() < 1e6 => {
            format!("{value:.2}").replace('-', "−")
        }
        other => fixed(other),
    }
}

pub(super) fn p_value(value: Option<f64>) -> String {
    match value {
        Some(small) if small < 1e-4 => "&lt; 0.0001".to_owned(),
        other => fixed(other),
    }
}
