//! The tables of a run of the event-driven engine.

use alphafleet_backtest::{
    BacktestResult, Contribution, DayReport, Fill, OrderRecord, Side, Trade,
};
use alphafleet_domain::ArtifactKind;

use super::columns::Columns;
use super::outputs::{Names, Tables};

pub(super) fn tables(names: Names<'_>, result: &BacktestResult) -> Tables {
    vec![
        (ArtifactKind::BacktestReport, "report.parquet", report(&result.days)),
        (ArtifactKind::Positions, "positions.parquet", positions(names, result)),
        (ArtifactKind::Trades, "trades.parquet", trades(names, &result.trades)),
        (ArtifactKind::Orders, "orders.parquet", orders(names, &result.orders)),
        (ArtifactKind::Fills, "fills.parquet", fills(names, &result.fills)),
        (
            ArtifactKind::Contributions,
            "contributions.parquet",
            contributions(names, &result.contributions),
        ),
    ]
}

/// A row a bar: money at its close, rates over the equity before.
fn report(days: &[DayReport]) -> Columns {
    let of = |value: fn(&DayReport) -> f64| days.iter().map(value);
    Columns::default()
        .times("datetime", days.iter().map(|day| day.time))
        .floats("equity", of(|day| day.equity))
        .floats("cash", of(|day| day.cash))
        .floats("value", of(|day| day.value))
        .floats("gross", of(|day| day.gross))
        .floats("return", of(|day| day.return_rate))
        .floats("return_before_costs", of(|day| day.return_before_costs))
        .floats("turnover", of(|day| day.turnover))
        .floats("cost", of(|day| day.costs))
        .floats("bench", days.iter().map(|day| day.benchmark))
        .floats("drawdown", of(|day| day.drawdown))
}

/// A row a holding at the close of a bar; empty where the plan records none.
fn positions(names: Names<'_>, result: &BacktestResult) -> Columns {
    let (mut times, mut instruments) = (vec![], vec![]);
    let (mut quantities, mut values, mut weights) = (vec![], vec![], vec![]);
    for (step, day) in result.days.iter().enumerate() {
        for held in result.positions.at(step) {
            times.push(day.time);
            instruments.push(names.of(held.instrument as usize));
            quantities.push(held.quantity);
            values.push(held.value);
            weights.push(held.value / day.equity);
        }
    }
    Columns::default()
        .times("datetime", times.into_iter())
        .texts("instrument", instruments.into_iter())
        .floats("quantity", quantities.into_iter())
        .floats("value", values.into_iter())
        .floats("weight", weights.into_iter())
}

/// Positions from their first fill to the one that closed them.
fn trades(names: Names<'_>, trades: &[Trade]) -> Columns {
    let of = |value: fn(&Trade) -> f64| trades.iter().map(value);
    let direction = |trade: &Trade| match trade.side {
        Side::Buy => "long",
        Side::Sell => "short",
    };
    Columns::default()
        .texts("instrument", trades.iter().map(|trade| names.of(trade.instrument)))
        .texts("direction", trades.iter().map(direction))
        .times("opened", trades.iter().map(|trade| names.time(trade.opened)))
        .times("closed", trades.iter().map(|trade| names.time(trade.closed)))
        .counts("bars", trades.iter().map(|trade| (trade.closed - trade.opened) as i64))
        .floats("quantity", of(|trade| trade.quantity))
        .floats("entry_price", of(|trade| trade.entry_price))
        .floats("exit_price", of(|trade| trade.exit_price))
        .floats("gain", of(|trade| trade.gain))
        .floats("costs", of(|trade| trade.costs))
        .floats("return", of(|trade| trade.return_rate))
}

fn orders(names: Names<'_>, orders: &[OrderRecord]) -> Columns {
    let of = |value: fn(&OrderRecord) -> f64| orders.iter().map(value);
    Columns::default()
        .counts("order", orders.iter().map(|order| order.id.0 as i64))
        .texts("instrument", orders.iter().map(|order| names.of(order.instrument)))
        .texts("side", orders.iter().map(|order| order.side.name()))
        .texts("type", orders.iter().map(|order| order.kind.name()))
        .floats("limit", orders.iter().map(|order| order.kind.limit()))
        .floats("stop", orders.iter().map(|order| order.kind.stop()))
        .texts("time_in_force", orders.iter().map(|order| order.time_in_force.name()))
        .floats("quantity", of(|order| order.quantity))
        .floats("filled", of(|order| order.filled))
        .floats("average_price", orders.iter().map(|order| order.average_price))
        .times("submitted", orders.iter().map(|order| names.time(order.submitted)))
        .times("ended", orders.iter().map(|order| names.time(order.ended)))
        .texts("outcome", orders.iter().map(|order| order.outcome.name()))
}

/// The order is null for what was paid out at a delisting.
fn fills(names: Names<'_>, fills: &[Fill]) -> Columns {
    let of = |value: fn(&Fill) -> f64| fills.iter().map(value);
    Columns::default()
        .times("datetime", fills.iter().map(|fill| names.time(fill.bar)))
        .counts("order", fills.iter().map(|fill| fill.order.map(|order| order.0 as i64)))
        .texts("instrument", fills.iter().map(|fill| names.of(fill.instrument)))
        .texts("side", fills.iter().map(|fill| fill.side.name()))
        .floats("quantity", of(|fill| fill.quantity))
        .floats("closing", of(|fill| fill.closing))
        .floats("price", of(|fill| fill.price))
        .floats("value", of(|fill| fill.value))
        .floats("commission", of(|fill| fill.commission))
        .floats("tax", of(|fill| fill.tax))
        .floats("slippage", of(|fill| fill.slippage))
}

/// Every instrument that was dealt; with the interest on cash the totals are the whole gain.
fn contributions(names: Names<'_>, contributions: &[Contribution]) -> Columns {
    let of = |value: fn(&Contribution) -> f64| contributions.iter().map(value);
    Columns::default()
        .texts("instrument", contributions.iter().map(|one| names.of(one.instrument)))
        .floats("realised", of(|one| one.realised))
        .floats("unrealised", of(|one| one.unrealised))
        .floats("costs", of(|one| one.costs))
        .floats("dividends", of(|one| one.dividends))
        .floats("borrow", of(|one| one.borrow))
        .floats("total", of(|one| one.total))
}
