use alphafleet_domain::JobId;

use super::SignalRef;
use crate::training::DateRange;
use crate::{Fault, FaultCode, Faults};

/// A completed training, as a backtest sees it.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ScoredModel {
    pub session: JobId,
    /// The days its model was fitted on and stopped by, both included.
    pub fitted: DateRange,
    /// The days it has scores of.
    pub scored: DateRange,
}

/// Whose scores are used when. Models that were trained again and again take turns: each scores the
/// days after those it was fitted on, until one that was fitted on later days takes over. So no day
/// goes by a model that has seen it, or anything after it.
///
/// # Errors
/// `field`, where a model would have no day of its own.
pub fn turns(mut models: Vec<ScoredModel>, field: &str) -> Result<Vec<SignalRef>, Faults> {
    models.sort_by_key(|model| (model.fitted.end, model.scored.start));
    let mut signals: Vec<SignalRef> = Vec::with_capacity(models.len());
    for ScoredModel { session, fitted, scored } in models.into_iter().rev() {
        let later = signals.last().and_then(|later| Some((later.session, later.used?)));
        let own = own_days(fitted, scored, later.map(|(_, used)| used));
        let Some(used) = own else {
            let why = match later {
                Some((other, _)) => format!(
                    "that of {other} was fitted on later days and scores them; leave one of them out"
                ),
                None => "it scored none after those it was fitted on".to_owned(),
            };
            let message = format!("the model of {session} has no day of its own: {why}");
            return Err(Fault::new(field, FaultCode::Conflict, message).into());
        };
        signals.push(SignalRef { session, fitted: Some(fitted), used: Some(used) });
    }
    signals.reverse();
    Ok(signals)
}

fn own_days(fitted: DateRange, scored: DateRange, later: Option<DateRange>) -> Option<DateRange> {
    let start = scored.start.max(fitted.end.succ_opt()?);
    let end = match later {
        Some(later) => scored.end.min(later.start.pred_opt()?),
        None => scored.end,
    };
    (start <= end).then_some(DateRange { start, end })
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use chrono::NaiveDate;

    use super::*;

    fn range(start: i32, end: i32) -> DateRange {
        let day = |number| NaiveDate::from_num_days_from_ce_opt(number).unwrap();
        DateRange { start: day(start), end: day(end) }
    }

    fn model(fitted: (i32, i32), scored: (i32, i32)) -> ScoredModel {
        let (fitted, scored) = (range(fitted.0, fitted.1), range(scored.0, scored.1));
        ScoredModel { session: JobId::new(), fitted, scored }
    }

    #[test]
    fn a_model_scores_until_one_that_was_fitted_later_takes_over() {
        // The first scored far into the days that the others were fitted on.
        let models = [
            model((1, 100), (101, 400)),
            model((1, 200), (203, 260)),
            model((50, 250), (251, 300)),
        ];
        let shuffled = vec![models[2], models[0], models[1]];
        let signals = turns(shuffled, "sessions").unwrap();
        let sessions: Vec<JobId> = signals.iter().map(|signal| signal.session).collect();
        assert_eq!(sessions, models.map(|model| model.session));
        let used: Vec<DateRange> = signals.iter().map(|signal| signal.used.unwrap()).collect();
        assert_eq!(used, [range(101, 202), range(203, 250), range(251, 300)]);
        for signal in &signals {
            assert!(signal.fitted.unwrap().end < signal.used.unwrap().start);
        }
    }

    #[test]
    fn a_model_without_days_of_its_own_is_refused() {
        let doubled = vec![model((1, 100), (101, 200)), model((1, 90), (101, 200))];
        let faults = turns(doubled, "parameters.sessions").unwrap_err();
        assert_eq!(faults.0[0].field, "parameters.sessions");
        assert_eq!(faults.0[0].code, FaultCode::Conflict);
        assert!(
            turns(vec![model((10, 100), (1, 9))], "s").is_err(),
            "scored only what came before"
        );
        let alone = turns(vec![model((1, 100), (90, 120))], "s").unwrap();
        assert_eq!(alone[0].used, Some(range(101, 120)), "never a day it was fitted on");
    }
}
