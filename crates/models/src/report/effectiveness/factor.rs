use std::fmt::Write;

use alphafleet_factors::{
    Curves, EffectivenessReport, FactorEffectiveness, HorizonEffectiveness, SubsetEffectiveness,
};

use super::super::chart::{Chart, Line, draw};
use super::super::columns::{self, ColumnSeries, Columns};
use super::super::heat;
use super::super::markup::{escape, fixed, table};
use super::super::time_axis::{place, time_labels};
use super::list;
use super::summary::{p_value, short};

const RAMP: [&str; 10] = ["r0", "r1", "r2", "r3", "r4", "r5", "r6", "r7", "r8", "r9"];

/// What links point to.
pub(super) fn anchor(at: usize) -> String {
    format!("factor-{at}")
}

pub(super) fn percent(share: Option<f64>) -> String {
    share.map_or("–".to_owned(), |share| format!("{:.1} %", share * 100.0))
}

/// Everything about one factor. A link to an anchor within opens what is folded.
pub(super) fn part(
    report: &EffectivenessReport,
    factor: &FactorEffectiveness,
    at: usize,
    open: bool,
) -> String {
    let mut out = format!(
        "<details class=\"factor\"{}><summary><strong class=\"mono\">{}</strong></summary>",
        if open { " open=\"\"" } else { "" },
        escape(&factor.name)
    );
    let _ = write!(out, "<p id=\"{}\"><code>{}</code></p>", anchor(at), escape(&factor.expression));
    out.push_str(&list(&factor.findings));
    out.push_str("<div class=\"pair\">");
    out.push_str(&cumulative_ic(report, &factor.curves));
    out.push_str(&decay(&factor.horizons));
    out.push_str(&quantile_columns(&factor.horizons));
    out.push_str(&quantile_curves(report, &factor.curves));
    out.push_str("</div>");
    titled(&mut out, "By horizon", &horizons(factor));
    titled(&mut out, "Rank IC by month", &months(report, factor));
    titled(&mut out, "Turnover", &turnover(factor));
    titled(&mut out, "By universe", &subsets(&factor.universes, "Universe"));
    titled(&mut out, "By group", &subsets(&factor.groups, "Group"));
    out.push_str("</details>\n");
    out
}

fn titled(out: &mut String, title: &str, content: &str) {
    if !content.is_empty() {
        let _ = write!(out, "<h3>{}</h3>{content}", escape(title));
    }
}

fn cumulative_ic(report: &EffectivenessReport, curves: &Curves) -> String {
    let lines = [("IC", "a", &curves.ic), ("rank IC", "b", &curves.rank_ic)];
    let lines =
        lines.map(|(name, class, values)| Line { name, class, points: points(report, values) });
    over_time(report, "Cumulative IC", lines.into())
}

fn quantile_curves(report: &EffectivenessReport, curves: &Curves) -> String {
    let names: Vec<String> = (1..=curves.quantiles.len()).map(|group| format!("{group}")).collect();
    let last = curves.quantiles.len().saturating_sub(1).max(1);
    let groups = curves.quantiles.iter().zip(&names).enumerate();
    let mut lines: Vec<Line<'_>> = groups
        .map(|(at, (values, name))| Line {
            name,
            class: RAMP[at * (RAMP.len() - 1) / last],
            points: points(report, values),
        })
        .collect();
    lines.push(Line { name: "spread", class: "c", points: points(report, &curves.spread) });
    over_time(report, "Cumulative return by quantile", lines)
}

fn points(report: &EffectivenessReport, values: &[f32]) -> Vec<(f64, f64)> {
    let times = report.curve_times.iter().map(|time| place(*time));
    times.zip(values.iter().map(|value| f64::from(*value))).collect()
}

fn over_time(report: &EffectivenessReport, title: &str, lines: Vec<Line<'_>>) -> String {
    let x_labels = time_labels(&report.curve_times);
    draw(&Chart { title, lines, bars: Vec::new(), mark: None, x_labels })
}

fn decay(horizons: &[HorizonEffectiveness]) -> String {
    let mut ordered: Vec<&HorizonEffectiveness> = horizons.iter().collect();
    ordered.sort_by_key(|horizon| horizon.horizon);
    let series = |name, class, value: fn(&HorizonEffectiveness) -> Option<f64>| ColumnSeries {
        name,
        class,
        values: ordered.iter().map(|horizon| value(horizon)).collect(),
    };
    columns::draw(&Columns {
        title: "Mean IC by horizon, in bars",
        places: ordered.iter().map(|horizon| horizon.horizon.to_string()).collect(),
        series: vec![
            series("IC", "a", |horizon| horizon.ic.mean),
            series("rank IC", "b", |horizon| horizon.rank_ic.mean),
        ],
    })
}

fn quantile_columns(horizons: &[HorizonEffectiveness]) -> String {
    let Some(primary) = horizons.first() else { return String::new() };
    let values = primary.quantiles.mean.clone();
    columns::draw(&Columns {
        title: "Mean return by quantile, lowest factor first",
        places: (1..=values.len()).map(|group| group.to_string()).collect(),
        series: vec![ColumnSeries { name: "mean return", class: "a", values }],
    })
}

fn horizons(factor: &FactorEffectiveness) -> String {
    let heads = [
        ("Bars", true),
        ("IC", true),
        ("ICIR", true),
        ("t (NW)", true),
        ("Rank IC", true),
        ("Std", true),
        ("ICIR", true),
        ("A year", true),
        ("t", true),
        ("t (NW)", true),
        ("p", true),
        ("> 0", true),
        ("Skew", true),
        ("Spread", true),
        ("Sharpe", true),
        ("Monotony", true),
    ];
    let row = |horizon: &HorizonEffectiveness| {
        let (ic, rank, quantiles) = (&horizon.ic, &horizon.rank_ic, &horizon.quantiles);
        vec![
            horizon.horizon.to_string(),
            fixed(ic.mean),
            short(ic.icir),
            short(ic.t_newey_west),
            fixed(rank.mean),
            fixed(rank.std),
            short(rank.icir),
            short(rank.icir_annualised),
            short(rank.t),
            short(rank.t_newey_west),
            p_value(rank.p_value_newey_west),
            percent(rank.positive),
            short(rank.skew),
            fixed(quantiles.spread.mean),
            short(quantiles.spread.sharpe_annualised),
            short(quantiles.monotonicity),
        ]
    };
    let mut out = table(&heads, factor.horizons.iter().map(row));
    let half_life = |bars: Option<f64>| bars.map(|bars| format!("{bars:.1} bars"));
    let (ic, rank) = (half_life(factor.half_life.ic), half_life(factor.half_life.rank_ic));
    for (name, bars) in [("IC", ic), ("rank IC", rank)] {
        if let Some(bars) = bars {
            let _ = write!(out, "<p class=\"soft\">Half-life of the {name}: {bars}</p>");
        }
    }
    out
}

fn months(report: &EffectivenessReport, factor: &FactorEffectiveness) -> String {
    let Some(primary) = factor.horizons.first() else { return String::new() };
    heat::table(
        (&report.months, &primary.months.rank_ic),
        (&report.years, &primary.years.rank_ic),
        |value| format!("{value:.3}"),
    )
}

fn turnover(factor: &FactorEffectiveness) -> String {
    let heads = [
        ("Lag in bars", true),
        ("Top quantile", true),
        ("Bottom quantile", true),
        ("Rank autocorrelation", true),
    ];
    let rows = factor.turnover.iter().map(|turnover| {
        vec![
            turnover.lag.to_string(),
            percent(turnover.top),
            percent(turnover.bottom),
            fixed(turnover.rank_autocorrelation),
        ]
    });
    table(&heads, rows)
}

fn subsets(subsets: &[SubsetEffectiveness], kind: &str) -> String {
    if subsets.is_empty() {
        return String::new();
    }
    let heads = [
        (kind, false),
        ("Horizon", true),
        ("Bars", true),
        ("IC", true),
        ("ICIR", true),
        ("Rank IC", true),
        ("Rank ICIR", true),
        ("t (NW)", true),
        ("p", true),
    ];
    let rows = subsets.iter().flat_map(|subset| {
        subset.horizons.iter().map(|horizon| {
            vec![
                escape(&subset.name),
                horizon.horizon.to_string(),
                horizon.ic.bars.to_string(),
                fixed(horizon.ic.mean),
                short(horizon.ic.icir),
                fixed(horizon.rank_ic.mean),
                short(horizon.rank_ic.icir),
                short(horizon.rank_ic.t_newey_west),
                p_value(horizon.rank_ic.p_value_newey_west),
            ]
        })
    });
    table(&heads, rows)
}
