use std::collections::HashMap;

use alphafleet_domain::{BestFigure, Job, NewBacktest};
use diesel::prelude::*;
use diesel::query_dsl::methods;
use diesel::upsert::excluded;
use diesel_async::RunQueryDsl;
use uuid::Uuid;

use super::Connection;
use crate::error::Answer;
use crate::rows::BestFigureRow;
use crate::schema::best_figures;
use crate::values::Uid;

/// The best figures of one strategy.
#[derive(Default)]
pub(crate) struct Best {
    pub total_return: Option<BestFigure>,
    pub sharpe: Option<BestFigure>,
}

/// Takes a backtest that completes now into account, if it tells what the strategy can do.
pub(crate) async fn note(
    connection: &mut Connection,
    session: &Job,
    backtest: &NewBacktest,
) -> Answer<()> {
    let Some(strategy) = session.strategy.filter(|_| backtest.out_of_sample) else { return Ok(()) };
    let figures = [
        (BestFigureRow::RETURN, Some(backtest.total_return)),
        (BestFigureRow::SHARPE, backtest.sharpe),
    ];
    for (figure, value) in figures {
        let Some(value) = value.filter(|value| value.is_finite()) else { continue };
        let (start, end) = (backtest.start, backtest.end);
        let best = BestFigure { value, session: session.id, start, end };
        let row = BestFigureRow::new(Uid(strategy.as_uuid()), figure, best);
        let upsert = diesel::insert_into(best_figures::table)
            .values(&row)
            .on_conflict((best_figures::strategy, best_figures::figure))
            .do_update()
            .set((
                best_figures::value.eq(excluded(best_figures::value)),
                best_figures::session.eq(excluded(best_figures::session)),
                best_figures::starts.eq(excluded(best_figures::starts)),
                best_figures::ends.eq(excluded(best_figures::ends)),
            ));
        // By name: `filter` of a table is another one.
        methods::FilterDsl::filter(upsert, best_figures::value.lt(excluded(best_figures::value)))
            .execute(connection)
            .await?;
    }
    Ok(())
}

pub(crate) async fn of(
    connection: &mut Connection,
    strategies: Vec<Uid>,
) -> Answer<HashMap<Uuid, Best>> {
    let rows: Vec<BestFigureRow> = best_figures::table
        .filter(best_figures::strategy.eq_any(strategies))
        .select(BestFigureRow::as_select())
        .load(connection)
        .await?;
    let mut found: HashMap<Uuid, Best> = HashMap::new();
    for row in rows {
        let best = found.entry(row.strategy.0).or_default();
        let is_return = row.figure == BestFigureRow::RETURN;
        let figure = if is_return { &mut best.total_return } else { &mut best.sharpe };
        *figure = Some(row.into());
    }
    Ok(found)
}
