use alphafleet_backtest::{Score, Signal};
use alphafleet_datasets::{DatasetError, OwnedTable, read_table};
use alphafleet_market::Panel;
use alphafleet_worker::child::{HandlerError, SignalInput};

use super::stored::{Stored, unusable};
use crate::pipeline::BacktestRunError;

/// Reads a training's predictions and aligns them with the panel. Scores of instruments and bars
/// that the panel does not have are passed over: the backtest may be of fewer.
///
/// # Errors
/// Predictions that are missing, do not have their checksum or no score within the panel.
pub(super) fn read(
    storage_url: &str,
    input: &SignalInput,
    panel: &Panel,
) -> Result<Signal, HandlerError> {
    let stored = Stored::open(storage_url)?;
    let table = predictions(&stored, input)
        .map_err(|error| unusable(&format!("the scores of {}", input.session), &error))?;
    signal(panel, &table).map_err(HandlerError::from)
}

fn predictions(stored: &Stored, input: &SignalInput) -> Result<OwnedTable, DatasetError> {
    let table = read_table(&input.key, stored.read(&input.key, &input.sha256)?)?;
    if table.columns.iter().all(|column| column.name != "score") {
        return Err(DatasetError::MissingColumn {
            file: input.key.clone(),
            column: "score".to_owned(),
            found: table.columns.into_iter().map(|column| column.name).collect(),
        });
    }
    Ok(table)
}

fn signal(panel: &Panel, table: &OwnedTable) -> Result<Signal, BacktestRunError> {
    let column = table.columns.iter().find(|column| column.name == "score");
    let scores = column.map(|column| column.values.to_f64()).unwrap_or_default();
    let rows = table.instruments.iter().zip(&table.times).zip(scores);
    let known = rows.filter(|((instrument, time), score)| {
        !score.is_nan()
            && panel.instruments().binary_search(instrument).is_ok()
            && panel.calendar().binary_search(time).is_ok()
    });
    let rows = known.map(|((instrument, &time), score)| Score { instrument, time, score });
    Ok(Signal::from_rows(panel, rows)?)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use alphafleet_datasets::{OwnedColumn, OwnedValues};
    use alphafleet_market::SyntheticMarket;

    use super::*;

    #[test]
    fn scores_that_are_all_missing_are_refused() {
        let market = SyntheticMarket { instruments: 3, bars: 100, ..Default::default() };
        let panel = market.generate().unwrap();
        let code = |score: f64, instrument: &str| {
            let table = OwnedTable {
                instruments: vec![instrument.to_owned()],
                times: vec![panel.calendar()[5]],
                columns: vec![OwnedColumn {
                    name: "score".to_owned(),
                    values: OwnedValues::F64(vec![score]),
                }],
            };
            signal(&panel, &table).map_err(|error| error.code())
        };
        let name = panel.instruments()[0].clone();
        assert_eq!(code(f64::NAN, &name).unwrap_err(), "empty_signal");
        assert_eq!(code(1.0, "NOBODY").unwrap_err(), "empty_signal");
        assert_eq!(code(f64::INFINITY, &name).unwrap_err(), "score_not_finite");
        assert_eq!(code(1.0, &name).unwrap().at(5)[0], 1.0);
    }
}
