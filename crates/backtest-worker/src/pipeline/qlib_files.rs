//! The tables of a run of Qlib's engine, with Qlib's own columns.

use crate::report::qlib_gains;
use alphafleet_backtest::qlib::{OrderRecord, QlibDay, QlibResult};
use alphafleet_domain::ArtifactKind;

use super::columns::Columns;
use super::outputs::{Names, Tables};

/// Qlib's names of an account's rows among the positions.
const CASH: &str = "_cash";
const ACCOUNT: &str = "_now_account_value";

pub(super) fn tables(names: Names<'_>, result: &QlibResult) -> Tables {
    let dealt: Vec<&OrderRecord> = result.orders.iter().filter(|order| order.value > 0.0).collect();
    vec![
        (ArtifactKind::BacktestReport, "report.parquet", report(&result.days)),
        (ArtifactKind::Positions, "positions.parquet", positions(names, result)),
        (ArtifactKind::Trades, "trades.parquet", orders(names, result, &dealt)),
        (
            ArtifactKind::Orders,
            "orders.parquet",
            orders(names, result, &result.orders.iter().collect::<Vec<_>>()),
        ),
        (ArtifactKind::Contributions, "contributions.parquet", contributions(names, result)),
        (ArtifactKind::Indicators, "indicators.parquet", indicators(result)),
    ]
}

/// `report_normal`.
fn report(days: &[QlibDay]) -> Columns {
    let of = |value: fn(&QlibDay) -> f64| days.iter().map(value);
    Columns::default()
        .times("datetime", days.iter().map(|day| day.time))
        .floats("account", of(|day| day.account))
        .floats("return", of(|day| day.return_rate))
        .floats("total_turnover", of(|day| day.total_turnover))
        .floats("turnover", of(|day| day.turnover))
        .floats("total_cost", of(|day| day.total_cost))
        .floats("cost", of(|day| day.cost))
        .floats("value", of(|day| day.value))
        .floats("cash", of(|day| day.cash))
        .floats("bench", days.iter().map(|day| day.bench))
}

/// A row a holding, and as in Qlib one each for cash and account: their amount is money, their
/// price 1, their count −1.
fn positions(names: Names<'_>, result: &QlibResult) -> Columns {
    let (mut times, mut instruments) = (vec![], vec![]);
    let (mut amounts, mut prices, mut weights, mut counts) = (vec![], vec![], vec![], vec![]);
    for (step, day) in result.days.iter().enumerate() {
        for (name, money) in [(CASH, day.cash), (ACCOUNT, day.account)] {
            times.push(day.time);
            instruments.push(name);
            amounts.push(money);
            prices.push(1.0);
            weights.push(None);
            counts.push(-1);
        }
        for held in result.positions(step) {
            times.push(day.time);
            instruments.push(names.of(held.instrument as usize));
            amounts.push(held.amount);
            prices.push(held.price);
            weights.push(Some(held.weight));
            counts.push(held.count as i64);
        }
    }
    Columns::default()
        .times("datetime", times.into_iter())
        .texts("instrument", instruments.into_iter())
        .floats("amount", amounts.into_iter())
        .floats("price", prices.into_iter())
        .floats("weight", weights.into_iter())
        .counts("count_day", counts.into_iter())
}

fn orders(names: Names<'_>, result: &QlibResult, orders: &[&OrderRecord]) -> Columns {
    let of = |value: fn(&OrderRecord) -> f64| orders.iter().map(move |order| value(order));
    let day = |order: &&OrderRecord| result.days.get(order.step).map(|day| day.time);
    Columns::default()
        .times("datetime", orders.iter().map(day))
        .texts("instrument", orders.iter().map(|order| names.of(order.instrument as usize)))
        .texts("side", orders.iter().map(|order| order.side.name()))
        .floats("amount", of(|order| order.amount))
        .floats("deal_amount", of(|order| order.deal_amount))
        .floats("price", orders.iter().map(|order| order.price))
        .floats("value", of(|order| order.value))
        .floats("cost", of(|order| order.cost))
}

/// Every instrument that was dealt; the totals are the whole gain.
fn contributions(names: Names<'_>, result: &QlibResult) -> Columns {
    let gains = qlib_gains(result, names.0.instruments().len());
    Columns::default()
        .texts("instrument", gains.iter().map(|one| names.of(one.instrument)))
        .floats("costs", gains.iter().map(|one| one.costs))
        .floats("total", gains.iter().map(|one| one.gain))
}

/// `indicators_normal`.
fn indicators(result: &QlibResult) -> Columns {
    let rows = &result.indicators;
    Columns::default()
        .times("datetime", result.days.iter().map(|day| day.time))
        .floats("ffr", rows.iter().map(|row| row.ffr))
        .floats("pa", rows.iter().map(|row| row.pa))
        .floats("pos", rows.iter().map(|row| row.pos))
        .floats("deal_amount", rows.iter().map(|row| row.deal_amount))
        .floats("value", rows.iter().map(|row| row.value))
        .counts("count", rows.iter().map(|row| row.count as i64))
}
