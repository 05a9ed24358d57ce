use super::Abreast;
use super::variance::RollingVariances;
use crate::engine::{Lane, MISSING, lane};
use crate::indicators::logarithm::ln;
use crate::indicators::volatility::HistoricalVolatility;

/// [`HistoricalVolatility`] side by side.
pub(in crate::indicators) struct HistoricalVolatilities {
    variance: RollingVariances,
    yearly: f64,
    previous_log: Lane,
}

impl Abreast<1, 1> for HistoricalVolatilities {
    type One = HistoricalVolatility;

    fn like(one: &HistoricalVolatility) -> Option<Self> {
        let variance = RollingVariances::like(&one.variance)?;
        Some(Self { variance, yearly: one.yearly, previous_log: MISSING })
    }

    fn join(&mut self, lane: usize, one: &HistoricalVolatility) -> bool {
        let Some(previous_log) = one.previous_log else { return false };
        self.previous_log[lane] = previous_log;
        one.yearly == self.yearly && self.variance.join(lane, &one.variance)
    }

    #[inline(always)]
    fn step(&mut self, [prices]: [&Lane; 1]) -> [Lane; 1] {
        let log = lane(|l| ln(prices[l]));
        let previous = std::mem::replace(&mut self.previous_log, log);
        let variance = self.variance.next(&lane(|l| log[l] - previous[l]));
        [lane(|l| (variance[l] * self.yearly).sqrt())]
    }

    fn leave(&self, lane: usize, one: &mut HistoricalVolatility) {
        self.variance.leave(lane, &mut one.variance);
        one.previous_log = Some(self.previous_log[lane]);
    }
}
