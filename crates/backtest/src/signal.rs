use std::ops::Range;

use alphafleet_market::Panel;
use chrono::NaiveDateTime;

use crate::BacktestError;

/// One score on its way into a [`Signal`].
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Score<'a> {
    pub instrument: &'a str,
    /// The bar at whose close the score is known.
    pub time: NaiveDateTime,
    pub score: f64,
}

/// Scores of instruments by bar, aligned with a panel: higher is better, absent is allowed.
///
/// A score of a bar is known at that bar's close, so a strategy acts on it at the next bar. Where
/// an instrument does not belong to the panel's universe it has no score.
#[derive(Debug, Clone, PartialEq)]
pub struct Signal {
    instruments: usize,
    bars: usize,
    /// Bar by bar; NaN where there is no score.
    scores: Vec<f64>,
}

impl Signal {
    /// Aligns rows with the panel's calendar and instruments. Refused: an instrument or time the
    /// panel does not have, two scores of one cell, a score that is not finite, no score at all.
    pub fn from_rows<'a>(
        panel: &Panel,
        rows: impl IntoIterator<Item = Score<'a>>,
    ) -> Result<Self, BacktestError> {
        let mut signal = Self::empty(panel)?;
        for Score { instrument, time, score } in rows {
            let name = || instrument.to_owned();
            let column = panel
                .instruments()
                .binary_search_by(|known| known.as_str().cmp(instrument))
                .map_err(|_| BacktestError::UnknownInstrument {
                    instrument: name(),
                    role: "signal",
                })?;
            let bar = panel.calendar().binary_search(&time).map_err(|_| {
                BacktestError::UnknownTime { role: "signal", instrument: name(), time }
            })?;
            if !score.is_finite() {
                return Err(BacktestError::ScoreNotFinite { instrument: name(), time });
            }
            let cell = &mut signal.scores[bar * signal.instruments + column];
            if !cell.is_nan() {
                return Err(BacktestError::DuplicateScore { instrument: name(), time });
            }
            *cell = score;
        }
        signal.only_of_members(panel).refuse_empty()
    }

    /// Takes a column laid out like a panel's field (instrument by instrument); NaN is no score.
    /// Infinite scores and a column of NaN alone are refused.
    pub fn from_column(panel: &Panel, column: &[f64]) -> Result<Self, BacktestError> {
        let mut signal = Self::empty(panel)?;
        let (expected, found) = (signal.scores.len(), column.len());
        if expected != found {
            return Err(BacktestError::Shape { what: "the signal", expected, found });
        }
        for (instrument, series) in column.chunks_exact(signal.bars).enumerate() {
            for (bar, &score) in series.iter().enumerate() {
                if score.is_infinite() {
                    let instrument = panel.instruments()[instrument].clone();
                    let time = panel.calendar()[bar];
                    return Err(BacktestError::ScoreNotFinite { instrument, time });
                }
                signal.scores[bar * signal.instruments + instrument] = score;
            }
        }
        signal.only_of_members(panel).refuse_empty()
    }

    fn empty(panel: &Panel) -> Result<Self, BacktestError> {
        let (bars, instruments) = (panel.calendar().len(), panel.instruments().len());
        if bars == 0 || instruments == 0 {
            return Err(BacktestError::EmptyUniverse);
        }
        Ok(Self { instruments, bars, scores: vec![f64::NAN; bars * instruments] })
    }

    /// Without the scores of instruments on bars on which they do not belong to the universe.
    fn only_of_members(mut self, panel: &Panel) -> Self {
        if panel.members().is_some() {
            for (cell, score) in self.scores.iter_mut().enumerate() {
                if !panel.is_member(cell % self.instruments, cell / self.instruments) {
                    *score = f64::NAN;
                }
            }
        }
        self
    }

    fn refuse_empty(self) -> Result<Self, BacktestError> {
        if self.scores.iter().all(|score| score.is_nan()) {
            return Err(BacktestError::EmptySignal);
        }
        Ok(self)
    }

    /// The scores of a bar, one an instrument, NaN where there is none.
    pub fn at(&self, bar: usize) -> &[f64] {
        let start = bar.min(self.bars) * self.instruments;
        &self.scores[start..(start + self.instruments).min(self.scores.len())]
    }

    /// Refuses a signal of another panel, or one without any score in these bars.
    pub(crate) fn check(
        &self,
        instruments: usize,
        bars: Range<usize>,
    ) -> Result<(), BacktestError> {
        if self.instruments != instruments || bars.end > self.bars {
            let (expected, found) = (instruments * bars.end, self.scores.len());
            return Err(BacktestError::Shape { what: "the signal", expected, found });
        }
        if bars.clone().all(|bar| self.at(bar).iter().all(|score| score.is_nan())) {
            return Err(BacktestError::EmptySignal);
        }
        Ok(())
    }
}
