use alphafleet_backtest::{Score, Signal};
use alphafleet_datasets::{DatasetError, OwnedTable, read_table};
use alphafleet_domain::job::FailureCode;
use alphafleet_market::Panel;
use alphafleet_specs::{BacktestSpec, DateRange, SignalRef};
use alphafleet_worker::child::{HandlerError, SignalInput};
use chrono::{NaiveDate, NaiveDateTime};

use super::stored::{Stored, unusable};
use crate::pipeline::BacktestRunError;

/// A model's predictions, and the days that go by them.
struct Turn {
    table: OwnedTable,
    used: Option<DateRange>,
}

/// Reads the predictions of the trainings that the backtest names and aligns them with the panel,
/// each on the days that go by its scores. Scores of instruments and bars that the panel does not
/// have are passed over: the backtest may be of fewer. None for a backtest without scores.
///
/// # Errors
/// Predictions that are missing, do not have their checksum or no score within the panel; a day of
/// the period that goes by no model's scores, where the strategy needs them.
pub(super) fn read(
    storage_url: &str,
    spec: &BacktestSpec,
    inputs: &[SignalInput],
    panel: &Panel,
) -> Result<Option<Signal>, HandlerError> {
    if spec.signals.is_empty() {
        return Ok(None);
    }
    if let Some(day) = unscored(spec, panel) {
        let message = format!(
            "no model scored {day}: name a training whose test segment has it, or choose dates \
             before or after"
        );
        return Err(HandlerError::permanent(FailureCode::InvalidSpec, message));
    }
    let stored = Stored::open(storage_url)?;
    let mut turns = Vec::with_capacity(spec.signals.len());
    for SignalRef { session, used, .. } in &spec.signals {
        let input = inputs.iter().find(|input| input.session == *session).ok_or_else(|| {
            let message = format!("the job was not told where the scores of {session} are");
            HandlerError::permanent(FailureCode::Internal, message)
        })?;
        let table = predictions(&stored, input)
            .map_err(|error| unusable(&format!("the scores of {session}"), &error))?;
        turns.push(Turn { table, used: *used });
    }
    Ok(Some(signal(panel, &turns)?))
}

/// The first day of the period between the days of two models.
fn unscored(spec: &BacktestSpec, panel: &Panel) -> Option<NaiveDate> {
    let used: Option<Vec<DateRange>> = spec.signals.iter().map(|signal| signal.used).collect();
    let used = used.filter(|_| spec.plan.needs_signal())?;
    let period = spec.plan.period();
    let mut days = panel.calendar().iter().map(NaiveDateTime::date);
    days.find(|&day| period.contains(day) && !used.iter().any(|used| used.contains(day)))
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

fn signal(panel: &Panel, turns: &[Turn]) -> Result<Signal, BacktestRunError> {
    let rows = turns.iter().flat_map(|Turn { table, used }| {
        let column = table.columns.iter().find(|column| column.name == "score");
        let scores = column.map(|column| column.values.to_f64()).unwrap_or_default();
        let rows = table.instruments.iter().zip(&table.times).zip(scores);
        rows.filter(|((instrument, time), score)| {
            !score.is_nan()
                && used.is_none_or(|used| used.contains(time.date()))
                && panel.instruments().binary_search(instrument).is_ok()
                && panel.calendar().binary_search(time).is_ok()
        })
    });
    let rows = rows.map(|((instrument, &time), score)| Score { instrument, time, score });
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
            signal(&panel, &[Turn { table, used: None }]).map_err(|error| error.code())
        };
        let name = panel.instruments()[0].clone();
        assert_eq!(code(f64::NAN, &name).unwrap_err(), "empty_signal");
        assert_eq!(code(1.0, "NOBODY").unwrap_err(), "empty_signal");
        assert_eq!(code(f64::INFINITY, &name).unwrap_err(), "score_not_finite");
        assert_eq!(code(1.0, &name).unwrap().at(5)[0], 1.0);
    }

    #[test]
    fn each_model_scores_the_days_that_are_its_own() {
        let market = SyntheticMarket { instruments: 2, bars: 6, ..Default::default() };
        let panel = market.generate().unwrap();
        let (name, times) = (panel.instruments()[0].clone(), panel.calendar().to_vec());
        let turn = |score: f64, used: [usize; 2]| Turn {
            table: OwnedTable {
                instruments: vec![name.clone(); times.len()],
                times: times.clone(),
                columns: vec![OwnedColumn {
                    name: "score".to_owned(),
                    values: OwnedValues::F64(vec![score; times.len()]),
                }],
            },
            used: Some(DateRange { start: times[used[0]].date(), end: times[used[1]].date() }),
        };
        let signal = signal(&panel, &[turn(1.0, [1, 2]), turn(2.0, [3, 5])]).unwrap();
        let scores: Vec<f64> = (0..6).map(|bar| signal.at(bar)[0]).collect();
        assert!(scores[0].is_nan());
        assert_eq!(scores[1..], [1.0, 1.0, 2.0, 2.0, 2.0]);
    }
}
