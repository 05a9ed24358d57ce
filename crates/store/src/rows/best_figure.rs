use alphafleet_domain::{BestFigure, JobId};
use chrono::NaiveDate;
use diesel::prelude::*;

use crate::schema::best_figures;
use crate::values::{Uid, Wall};

#[derive(Queryable, Selectable, Insertable)]
#[diesel(table_name = best_figures)]
pub(crate) struct BestFigureRow {
    pub strategy: Uid,
    pub figure: String,
    pub value: f64,
    pub session: Uid,
    pub starts: Wall,
    pub ends: Wall,
}

impl BestFigureRow {
    pub const RETURN: &str = "return";
    pub const SHARPE: &str = "sharpe";

    pub fn new(strategy: Uid, figure: &str, best: BestFigure) -> Self {
        let day = |day: NaiveDate| Wall(day.into());
        Self {
            strategy,
            figure: figure.to_owned(),
            value: best.value,
            session: Uid(best.session.as_uuid()),
            starts: day(best.start),
            ends: day(best.end),
        }
    }
}

impl From<BestFigureRow> for BestFigure {
    fn from(row: BestFigureRow) -> Self {
        Self {
            value: row.value,
            session: JobId::from_uuid(row.session.0),
            start: row.starts.0.date(),
            end: row.ends.0.date(),
        }
    }
}
