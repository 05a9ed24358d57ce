use std::fmt::Write;

use alphafleet_models::page::{escape, fixed, grouped, heat_table, table};
use chrono::{NaiveDateTime, NaiveTime};

use super::super::{ContributionRow, Report, TradeRow};
use super::figures::{money, percent};
use alphafleet_backtest::Side;

/// Trades the page shows.
const TRADES: usize = 50;

pub(super) fn months(report: &Report) -> String {
    let month = |row: &alphafleet_backtest::analysis::PeriodReturn| {
        format!("{:04}-{:02}", row.year, row.month.unwrap_or_default())
    };
    let months: Vec<String> = report.monthly.iter().map(month).collect();
    let years: Vec<String> = report.yearly.iter().map(|row| format!("{:04}", row.year)).collect();
    let values = |rows: &[alphafleet_backtest::analysis::PeriodReturn]| -> Vec<Option<f64>> {
        rows.iter().map(|row| Some(row.return_rate)).collect()
    };
    let (by_month, by_year) = (values(&report.monthly), values(&report.yearly));
    let heat = heat_table((&months, &by_month), (&years, &by_year), |value| {
        format!("{:.1}", value * 100.0)
    });
    if heat.is_empty() {
        return heat;
    }
    let note = "In percent, compounded; the last column is the year's.";
    format!("<p class=\"soft\">{note}</p>{heat}")
}

pub(super) fn drawdowns(report: &Report) -> String {
    if report.drawdowns.is_empty() {
        return "<p class=\"soft\">The equity never fell below an earlier one.</p>".to_owned();
    }
    let heads = [
        ("Depth", true),
        ("Peak", false),
        ("Trough", false),
        ("Recovered", false),
        ("Bars", true),
        ("From the trough", true),
    ];
    let rows = report.drawdowns.iter().map(|fall| {
        vec![
            percent(fall.depth),
            fall.peak.map_or("start".to_owned(), moment),
            moment(fall.trough),
            fall.recovered.map_or("not yet".to_owned(), moment),
            grouped(fall.bars as u64),
            fall.recovery_bars.map_or("–".to_owned(), |bars| grouped(bars as u64)),
        ]
    });
    table(&heads, rows)
}

pub(super) fn contributions(report: &Report) -> String {
    let found = &report.contributions;
    if found.instruments == 0 {
        return String::new();
    }
    let mut out = format!(
        "<p class=\"soft\">{} instruments were dealt; their gains and the interest of {} are the whole gain.</p>",
        grouped(found.instruments as u64),
        money(found.interest)
    );
    for (title, rows) in [("Gained most", &found.top), ("Lost most", &found.bottom)] {
        if !rows.is_empty() {
            out.push_str(&contribution_table(title, rows));
        }
    }
    match &found.groups {
        Some(groups) => {
            out.push_str(&contribution_table(&format!("By {}", groups.by), &groups.rows))
        }
        None => out.push_str(NO_GROUPS),
    }
    out
}

/// How to have the gain attributed to groups.
const NO_GROUPS: &str = "<p class=\"soft\">Not attributed to groups: the data have no field $sector, \
    $industry, $subindustry or $group, which holds a code for every bar. A local run takes a file of \
    them, too: --groups FILE.</p>";

fn contribution_table(title: &str, rows: &[ContributionRow]) -> String {
    let title = escape(title);
    let heads = [(title.as_str(), false), ("Gain", true), ("Of capital", true), ("Costs", true)];
    let row = |row: &ContributionRow| {
        vec![escape(&row.name), money(row.gain), percent(row.of_capital), money(row.costs)]
    };
    table(&heads, rows.iter().map(row))
}

pub(super) fn trades(report: &Report) -> String {
    let found = &report.trades;
    if found.total == 0 {
        return "<p class=\"soft\">No position was closed.</p>".to_owned();
    }
    let shown = found.largest.len().min(TRADES);
    let source = match report.engine.as_str() {
        "qlib" => "put together from the dealt orders of trades.parquet",
        _ => "trades.parquet has them all",
    };
    let mut out = format!(
        "<p class=\"soft\">The {} that moved the account most of {} trades; {source}.</p>",
        grouped(shown as u64),
        grouped(found.total as u64)
    );
    let heads = [
        ("Instrument", false),
        ("", false),
        ("Opened", false),
        ("Closed", false),
        ("Quantity", true),
        ("Entry", true),
        ("Exit", true),
        ("Gain", true),
        ("Return", true),
        ("Costs", true),
    ];
    let _ = write!(out, "{}", table(&heads, found.largest.iter().take(shown).map(trade)));
    out
}

fn trade(trade: &TradeRow) -> Vec<String> {
    let direction = match trade.side {
        Side::Buy => "long",
        Side::Sell => "short",
    };
    vec![
        escape(&trade.instrument),
        direction.to_owned(),
        moment(trade.opened),
        moment(trade.closed),
        money(trade.quantity),
        fixed(Some(trade.entry_price)),
        fixed(Some(trade.exit_price)),
        money(trade.gain),
        percent(trade.return_rate),
        money(trade.costs),
    ]
}

/// With the time of day unless it is midnight, which stands for a daily bar.
fn moment(time: NaiveDateTime) -> String {
    let format = if time.time() == NaiveTime::MIN { "%Y-%m-%d" } else { "%Y-%m-%d %H:%M" };
    time.format(format).to_string()
}
