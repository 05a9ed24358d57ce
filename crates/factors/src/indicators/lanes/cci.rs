use super::Abreast;
use super::rings::LONGEST;
use crate::engine::{LANES, Lane, MISSING, ZEROS, lane};
use crate::indicators::cci::{Cci, SCALE};
use crate::indicators::zero::is_zero_beside;

/// [`Cci`] side by side. TA-Lib sums the slots of its ring from the first on, so that here each
/// instrument's values stay in the slots they have there.
pub(in crate::indicators) struct Ccis {
    slots: Vec<Lane>,
    heads: [usize; LANES],
}

impl Ccis {
    #[inline(always)]
    fn push(&mut self, values: &Lane) {
        let window = self.slots.len();
        for (l, head) in self.heads.iter_mut().enumerate() {
            self.slots[*head][l] = values[l];
            *head = if *head + 1 == window { 0 } else { *head + 1 };
        }
    }
}

impl Abreast<3, 1> for Ccis {
    type One = Cci;

    fn like(one: &Cci) -> Option<Self> {
        let window = one.typical.capacity;
        let slots = (window <= LONGEST).then(|| vec![MISSING; window])?;
        Some(Self { slots, heads: [0; LANES] })
    }

    fn join(&mut self, lane: usize, one: &Cci) -> bool {
        let ring = &one.typical;
        let window = self.slots.len();
        if !ring.is_full() || ring.capacity != window || one.window != window as f64 {
            return false;
        }
        for (slot, value) in self.slots.iter_mut().zip(ring.slots()) {
            slot[lane] = *value;
        }
        self.heads[lane] = ring.head;
        true
    }

    #[inline(always)]
    fn step(&mut self, [high, low, close]: [&Lane; 3]) -> [Lane; 1] {
        let typical = lane(|l| (high[l] + low[l] + close[l]) / 3.0);
        self.push(&typical);
        let window = self.slots.len() as f64;
        let mut sum = ZEROS;
        for prices in &self.slots {
            sum = lane(|l| sum[l] + prices[l]);
        }
        let mean = lane(|l| sum[l] / window);
        let mut sum = ZEROS;
        for prices in &self.slots {
            sum = lane(|l| sum[l] + (prices[l] - mean[l]).abs());
        }
        let deviation = lane(|l| sum[l] / window);
        let distance = lane(|l| typical[l] - mean[l]);
        let index = lane(|l| distance[l] / (SCALE * deviation[l]));
        let moved =
            lane(|l| if is_zero_beside(distance[l], mean[l].abs()) { 0.0 } else { index[l] });
        [lane(|l| if is_zero_beside(deviation[l], mean[l].abs()) { 0.0 } else { moved[l] })]
    }

    fn leave(&self, lane: usize, one: &mut Cci) {
        for (value, slot) in one.typical.values.iter_mut().zip(&self.slots) {
            *value = slot[lane];
        }
        one.typical.head = self.heads[lane];
    }
}
