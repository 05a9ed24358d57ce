use super::Abreast;
use super::rings::Rings;
use crate::engine::{Lane, lane};
use crate::indicators::rate::RateOfChange;

/// [`RateOfChange`] side by side.
pub(in crate::indicators) struct RatesOfChange {
    values: Rings,
}

impl Abreast<1, 1> for RatesOfChange {
    type One = RateOfChange;

    fn like(one: &RateOfChange) -> Option<Self> {
        Some(Self { values: Rings::like(&one.values)? })
    }

    fn join(&mut self, lane: usize, one: &RateOfChange) -> bool {
        self.values.join(lane, &one.values)
    }

    #[inline(always)]
    fn step(&mut self, [values]: [&Lane; 1]) -> [Lane; 1] {
        let earlier = self.values.push(values);
        let rate = lane(|l| ((values[l] / earlier[l]) - 1.0) * 100.0);
        [lane(|l| if earlier[l] == 0.0 { 0.0 } else { rate[l] })]
    }

    fn leave(&self, lane: usize, one: &mut RateOfChange) {
        self.values.leave(lane, &mut one.values);
    }
}
