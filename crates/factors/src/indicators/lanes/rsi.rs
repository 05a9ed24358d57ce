use super::Abreast;
use crate::engine::{Lane, MISSING, lane};
use crate::indicators::rsi::Rsi;

/// [`Rsi`] side by side.
pub(in crate::indicators) struct Rsis {
    window: u64,
    inverse: f64,
    previous: Lane,
    gain: Lane,
    loss: Lane,
}

impl Abreast<1, 1> for Rsis {
    type One = Rsi;

    fn like(one: &Rsi) -> Option<Self> {
        let [previous, gain, loss] = [MISSING; 3];
        Some(Self { window: one.window, inverse: one.inverse, previous, gain, loss })
    }

    fn join(&mut self, lane: usize, one: &Rsi) -> bool {
        let Some(previous) = one.previous else { return false };
        self.previous[lane] = previous;
        (self.gain[lane], self.loss[lane]) = (one.gain, one.loss);
        let alike = one.window == self.window && one.inverse == self.inverse;
        alike && one.moves >= one.window
    }

    #[inline(always)]
    fn step(&mut self, [values]: [&Lane; 1]) -> [Lane; 1] {
        let (kept, inverse) = (self.window as f64 - 1.0, self.inverse);
        let (previous, gain, loss) = (self.previous, self.gain, self.loss);
        let moved = lane(|l| values[l] - previous[l]);
        let gained = lane(|l| if moved[l] > 0.0 { moved[l] } else { 0.0 });
        let loss = lane(|l| (loss[l] * kept + (gained[l] - moved[l])) * inverse);
        let gain = lane(|l| (gain[l] * kept + gained[l]) * inverse);
        (self.previous, self.gain, self.loss) = (*values, gain, loss);
        let both = lane(|l| gain[l] + loss[l]);
        let share = lane(|l| 100.0 * (gain[l] / both[l]));
        [lane(|l| if both[l] > 0.0 { share[l] } else { 0.0 })]
    }

    fn leave(&self, lane: usize, one: &mut Rsi) {
        one.previous = Some(self.previous[lane]);
        (one.gain, one.loss) = (self.gain[lane], self.loss[lane]);
    }
}
