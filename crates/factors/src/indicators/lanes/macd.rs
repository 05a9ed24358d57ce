use super::Abreast;
use super::averages::Emas;
use crate::engine::{Lane, lane};
use crate::indicators::macd::Macd;

/// [`Macd`] side by side.
pub(in crate::indicators) struct Macds {
    fast: Emas,
    slow: Emas,
    signal: Emas,
}

impl Abreast<1, 3> for Macds {
    type One = Macd;

    fn like(one: &Macd) -> Option<Self> {
        let [fast, slow, signal] = [&one.fast, &one.slow, &one.signal].map(Emas::like);
        Some(Self { fast: fast?, slow: slow?, signal: signal? })
    }

    fn join(&mut self, lane: usize, one: &Macd) -> bool {
        one.bars_to_skip == 0
            && self.fast.join(lane, &one.fast)
            && self.slow.join(lane, &one.slow)
            && self.signal.join(lane, &one.signal)
    }

    #[inline(always)]
    fn step(&mut self, [values]: [&Lane; 1]) -> [Lane; 3] {
        let (slow, fast) = (self.slow.averages(values), self.fast.averages(values));
        let macd = lane(|l| fast[l] - slow[l]);
        let signal = self.signal.averages(&macd);
        [macd, signal, lane(|l| macd[l] - signal[l])]
    }

    fn leave(&self, lane: usize, one: &mut Macd) {
        self.fast.leave(lane, &mut one.fast);
        self.slow.leave(lane, &mut one.slow);
        self.signal.leave(lane, &mut one.signal);
    }
}
