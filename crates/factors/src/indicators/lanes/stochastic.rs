use super::Abreast;
use super::averages::Smas;
use super::extremes::ExtremesAbreast;
use crate::engine::{Lane, lane};
use crate::indicators::indicator::LARGEST_INPUT;
use crate::indicators::stochastic::{Stochastic, WilliamsR};
use crate::indicators::zero::is_zero_beside;

/// [`Stochastic`] side by side.
pub(in crate::indicators) struct Stochastics {
    extremes: ExtremesAbreast,
    slow_k: Smas,
    slow_d: Smas,
}

impl Abreast<3, 2> for Stochastics {
    type One = Stochastic;

    fn like(one: &Stochastic) -> Option<Self> {
        let extremes = ExtremesAbreast::like(&one.extremes)?;
        Some(Self { extremes, slow_k: Smas::like(&one.slow_k)?, slow_d: Smas::like(&one.slow_d)? })
    }

    fn join(&mut self, lane: usize, one: &Stochastic) -> bool {
        self.extremes.join(lane, &one.extremes)
            && self.slow_k.join(lane, &one.slow_k)
            && self.slow_d.join(lane, &one.slow_d)
    }

    #[inline(always)]
    fn step(&mut self, [high, low, close]: [&Lane; 3]) -> [Lane; 2] {
        let [highest, lowest] = self.extremes.next(high, low);
        let range = lane(|l| highest[l] - lowest[l]);
        let reach = lane(|l| highest[l].abs() + lowest[l].abs());
        let share = lane(|l| ((close[l] - lowest[l]) / range[l]) * 100.0);
        let fast = lane(|l| if is_zero_beside(range[l], reach[l]) { 0.0 } else { share[l] });
        let k = self.slow_k.means(&lane(|l| fast[l].clamp(-LARGEST_INPUT, LARGEST_INPUT)));
        let d = self.slow_d.means(&k);
        [k, d]
    }

    fn leave(&self, lane: usize, one: &mut Stochastic) {
        self.extremes.leave(lane, &mut one.extremes);
        self.slow_k.leave(lane, &mut one.slow_k);
        self.slow_d.leave(lane, &mut one.slow_d);
    }
}

/// [`WilliamsR`] side by side.
pub(in crate::indicators) struct WilliamsRs {
    extremes: ExtremesAbreast,
}

impl Abreast<3, 1> for WilliamsRs {
    type One = WilliamsR;

    fn like(one: &WilliamsR) -> Option<Self> {
        Some(Self { extremes: ExtremesAbreast::like(&one.extremes)? })
    }

    fn join(&mut self, lane: usize, one: &WilliamsR) -> bool {
        self.extremes.join(lane, &one.extremes)
    }

    #[inline(always)]
    fn step(&mut self, [high, low, close]: [&Lane; 3]) -> [Lane; 1] {
        let [highest, lowest] = self.extremes.next(high, low);
        let scale = lane(|l| highest[l] - lowest[l]);
        let share = lane(|l| ((highest[l] - close[l]) / scale[l]) * -100.0);
        [lane(|l| if scale[l] == 0.0 { 0.0 } else { share[l] })]
    }

    fn leave(&self, lane: usize, one: &mut WilliamsR) {
        self.extremes.leave(lane, &mut one.extremes);
    }
}
