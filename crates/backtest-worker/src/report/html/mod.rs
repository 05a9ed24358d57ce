//! The page of a [`Report`].

mod curves;
mod figures;
mod tables;
#[cfg(test)]
mod tests;

use std::fmt::Write;

use alphafleet_models::page::{
    HEAT_STYLE, STYLE, configuration, duration, escape, figure, findings, grouped, opening, section,
};

use super::Report;

pub(super) fn page(report: &Report) -> String {
    let title = format!("Backtest: {} on {}", report.strategy, report.dataset.name);
    let mut out = opening(&title, &[STYLE, HEAT_STYLE]);
    header(&mut out, report);
    section(&mut out, "Result", &figures::key_figures(report));
    section(&mut out, "Findings", &findings(&report.findings));
    section(&mut out, "Equity and drawdown", &curves::equity(report));
    section(&mut out, "Returns by month", &tables::months(report));
    section(&mut out, "Rolling figures", &curves::rolling(report));
    section(&mut out, "Exposure, turnover, costs", &curves::activity(report));
    section(&mut out, "Worst drawdowns", &tables::drawdowns(report));
    section(&mut out, "Contributions", &tables::contributions(report));
    section(&mut out, "Trades", &tables::trades(report));
    section(&mut out, "Every figure and its convention", &figures::all(report));
    section(&mut out, "Data", &data(report));
    section(&mut out, "Plan", &configuration(&report.plan));
    let _ = write!(
        out,
        "<footer>Session <span class=\"mono\">{}</span> · build {}</footer>\n</main>\n</body>\n</html>\n",
        escape(&report.session),
        escape(&report.build),
    );
    out
}

fn header(out: &mut String, report: &Report) {
    let engine = match report.engine.as_str() {
        "qlib" => "Qlib's daily engine",
        _ => "event-driven engine",
    };
    let _ = write!(
        out,
        "<header>\n<h1>{} on {}</h1>\n<p class=\"soft\">{} to {} · {} bars · {engine} · capital {}</p>\n<p class=\"soft\">{} · took {}</p>\n</header>\n",
        escape(&report.strategy),
        escape(&report.dataset.name),
        report.start.date(),
        report.end.date(),
        grouped(report.bars as u64),
        figure(Some(report.capital)),
        report.created_at.format("%Y-%m-%d %H:%M UTC"),
        duration(report.duration_s),
    );
}

fn data(report: &Report) -> String {
    format!(
        "<p>{} · version <span class=\"mono\">{}</span></p><p class=\"soft\">{} to {} · {} instruments · {} bars of instruments</p><p class=\"soft\">Prices: {}.</p>",
        escape(&report.dataset.name),
        escape(&report.dataset.version),
        report.dataset.start,
        report.dataset.end,
        grouped(report.dataset.instruments),
        grouped(report.dataset.rows),
        escape(&report.prices),
    )
}
