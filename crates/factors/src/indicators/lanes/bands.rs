use super::Abreast;
use super::averages::Smas;
use super::variance::RollingVariances;
use crate::engine::{Lane, lane};
use crate::indicators::bands::Bollinger;

/// [`Bollinger`] side by side.
pub(in crate::indicators) struct Bollingers {
    mean: Smas,
    variance: RollingVariances,
    width: f64,
}

impl Abreast<1, 3> for Bollingers {
    type One = Bollinger;

    fn like(one: &Bollinger) -> Option<Self> {
        let (mean, variance) = (Smas::like(&one.mean)?, RollingVariances::like(&one.variance)?);
        Some(Self { mean, variance, width: one.width })
    }

    fn join(&mut self, lane: usize, one: &Bollinger) -> bool {
        one.width == self.width
            && self.mean.join(lane, &one.mean)
            && self.variance.join(lane, &one.variance)
    }

    #[inline(always)]
    fn step(&mut self, [values]: [&Lane; 1]) -> [Lane; 3] {
        let (middle, variance) = (self.mean.means(values), self.variance.next(values));
        let half = lane(|l| variance[l].sqrt() * self.width);
        [lane(|l| middle[l] + half[l]), middle, lane(|l| middle[l] - half[l])]
    }

    fn leave(&self, lane: usize, one: &mut Bollinger) {
        self.mean.leave(lane, &mut one.mean);
        self.variance.leave(lane, &mut one.variance);
    }
}
