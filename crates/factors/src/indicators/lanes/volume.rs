use super::Abreast;
use super::countdown::{Countdown, only};
use super::rings::Rings;
use crate::engine::{LANES, Lane, MISSING, lane};
use crate::indicators::volume::{
    AccumulationDistribution, MoneyFlow, OnBalanceVolume, SHRUNK, Vwap,
};
use crate::indicators::zero::is_zero_beside;

#[inline(always)]
fn typical([high, low, close]: [&Lane; 3]) -> Lane {
    lane(|l| (high[l] + low[l] + close[l]) / 3.0)
}

/// [`Vwap`] side by side.
pub(in crate::indicators) struct Vwaps {
    turnovers: Rings,
    volumes: Rings,
    turnover: Lane,
    volume: Lane,
    largest_volume: Lane,
    rebuild_after: u64,
    left: Countdown,
}

impl Vwaps {
    #[cold]
    fn rebuild(&mut self) {
        let due = |l| self.left.left(l) == 0 || self.volume[l] < SHRUNK * self.largest_volume[l];
        let due: [bool; LANES] = std::array::from_fn(due);
        for l in (0..LANES).filter(|&l| due[l]) {
            self.turnover[l] = self.turnovers.oldest_first(l).sum();
            self.volume[l] = self.volumes.oldest_first(l).sum();
            self.largest_volume[l] = self.volume[l];
        }
        self.left.restart(due, self.rebuild_after);
    }
}

impl Abreast<4, 1> for Vwaps {
    type One = Vwap;

    fn like(one: &Vwap) -> Option<Self> {
        let (turnovers, volumes) = (Rings::like(&one.turnovers)?, Rings::like(&one.volumes)?);
        let [turnover, volume, largest_volume] = [MISSING; 3];
        let (rebuild_after, left) = (one.rebuild_after, Countdown::new());
        let sums =
            Self { turnovers, volumes, turnover, volume, largest_volume, rebuild_after, left };
        Some(sums)
    }

    fn join(&mut self, lane: usize, one: &Vwap) -> bool {
        (self.turnover[lane], self.volume[lane]) = (one.turnover, one.volume);
        self.largest_volume[lane] = one.largest_volume;
        self.left.restart(only(lane), one.bars_left);
        one.rebuild_after == self.rebuild_after
            && self.turnovers.join(lane, &one.turnovers)
            && self.volumes.join(lane, &one.volumes)
    }

    #[inline(always)]
    fn step(&mut self, [high, low, close, volumes]: [&Lane; 4]) -> [Lane; 1] {
        let typical = typical([high, low, close]);
        let turnovers = lane(|l| typical[l] * volumes[l]);
        let left_turnover = self.turnovers.push(&turnovers);
        let left_volume = self.volumes.push(volumes);
        let (turnover, volume, largest) = (self.turnover, self.volume, self.largest_volume);
        let turnover = lane(|l| turnover[l] + turnovers[l]);
        let volume = lane(|l| volume[l] + volumes[l]);
        let largest = lane(|l| if volume[l] > largest[l] { volume[l] } else { largest[l] });
        let volume = lane(|l| volume[l] - left_volume[l]);
        self.turnover = lane(|l| turnover[l] - left_turnover[l]);
        (self.volume, self.largest_volume) = (volume, largest);
        let mut shrunk = false;
        for l in 0..LANES {
            shrunk |= volume[l] < SHRUNK * largest[l];
        }
        if self.left.tick() | shrunk {
            self.rebuild();
        }
        let (turnover, volume) = (self.turnover, self.volume);
        let average = lane(|l| turnover[l] / volume[l]);
        [lane(|l| if volume[l] <= 0.0 { f64::NAN } else { average[l] })]
    }

    fn leave(&self, lane: usize, one: &mut Vwap) {
        self.turnovers.leave(lane, &mut one.turnovers);
        self.volumes.leave(lane, &mut one.volumes);
        (one.turnover, one.volume) = (self.turnover[lane], self.volume[lane]);
        one.largest_volume = self.largest_volume[lane];
        one.bars_left = self.left.left(lane);
    }
}

/// [`OnBalanceVolume`] side by side.
pub(in crate::indicators) struct OnBalanceVolumes {
    previous_close: Lane,
    total: Lane,
}

impl Abreast<2, 1> for OnBalanceVolumes {
    type One = OnBalanceVolume;

    fn like(_: &OnBalanceVolume) -> Option<Self> {
        Some(Self { previous_close: MISSING, total: MISSING })
    }

    fn join(&mut self, lane: usize, one: &OnBalanceVolume) -> bool {
        let Some(previous_close) = one.previous_close else { return false };
        (self.previous_close[lane], self.total[lane]) = (previous_close, one.total);
        true
    }

    #[inline(always)]
    fn step(&mut self, [close, volume]: [&Lane; 2]) -> [Lane; 1] {
        let (previous, total) = (self.previous_close, self.total);
        let more = lane(|l| total[l] + volume[l]);
        let less = lane(|l| total[l] - volume[l]);
        let risen = lane(|l| if close[l] > previous[l] { more[l] } else { total[l] });
        self.total = lane(|l| if close[l] < previous[l] { less[l] } else { risen[l] });
        self.previous_close = *close;
        [self.total]
    }

    fn leave(&self, lane: usize, one: &mut OnBalanceVolume) {
        one.previous_close = Some(self.previous_close[lane]);
        one.total = self.total[lane];
    }
}

/// [`AccumulationDistribution`] side by side.
pub(in crate::indicators) struct AccumulationDistributions {
    total: Lane,
}

impl Abreast<4, 1> for AccumulationDistributions {
    type One = AccumulationDistribution;

    fn like(_: &AccumulationDistribution) -> Option<Self> {
        Some(Self { total: MISSING })
    }

    fn join(&mut self, lane: usize, one: &AccumulationDistribution) -> bool {
        self.total[lane] = one.total;
        true
    }

    #[inline(always)]
    fn step(&mut self, [high, low, close, volume]: [&Lane; 4]) -> [Lane; 1] {
        let total = self.total;
        let range = lane(|l| high[l] - low[l]);
        let share = lane(|l| ((close[l] - low[l]) - (high[l] - close[l])) / range[l]);
        let sum = lane(|l| total[l] + share[l] * volume[l]);
        let next = lane(|l| if range[l] > 0.0 { sum[l] } else { total[l] });
        self.total = lane(|l| if next[l].is_finite() { next[l] } else { total[l] });
        [lane(|l| if next[l].is_finite() { next[l] } else { f64::NAN })]
    }

    fn leave(&self, lane: usize, one: &mut AccumulationDistribution) {
        one.total = self.total[lane];
    }
}

/// [`MoneyFlow`] side by side.
pub(in crate::indicators) struct MoneyFlows {
    inflows: Rings,
    outflows: Rings,
    window: u64,
    previous: Lane,
    inflow: Lane,
    outflow: Lane,
    idle: [u64; LANES],
}

impl MoneyFlows {
    #[inline(always)]
    fn slide(&mut self, inflows: &Lane, outflows: &Lane) {
        let (left_in, left_out) = (self.inflows.push(inflows), self.outflows.push(outflows));
        let (inflow, outflow) = (self.inflow, self.outflow);
        let inflow = lane(|l| inflow[l] - left_in[l] + inflows[l]);
        let outflow = lane(|l| outflow[l] - left_out[l] + outflows[l]);
        for (l, idle) in self.idle.iter_mut().enumerate() {
            let still = inflows[l] == 0.0 && outflows[l] == 0.0;
            *idle = if still { (*idle + 1).min(self.window) } else { 0 };
        }
        let idle = self.idle;
        let flowed = |l: usize, sum: f64| if idle[l] >= self.window { 0.0 } else { sum };
        self.inflow = lane(|l| flowed(l, inflow[l]));
        self.outflow = lane(|l| flowed(l, outflow[l]));
    }
}

impl Abreast<4, 1> for MoneyFlows {
    type One = MoneyFlow;

    fn like(one: &MoneyFlow) -> Option<Self> {
        let (inflows, outflows) = (Rings::like(&one.inflows)?, Rings::like(&one.outflows)?);
        let [previous, inflow, outflow] = [MISSING; 3];
        let (window, idle) = (one.window, [0; LANES]);
        Some(Self { inflows, outflows, window, previous, inflow, outflow, idle })
    }

    fn join(&mut self, lane: usize, one: &MoneyFlow) -> bool {
        let Some(previous) = one.previous else { return false };
        self.previous[lane] = previous;
        (self.inflow[lane], self.outflow[lane]) = (one.inflow, one.outflow);
        self.idle[lane] = one.idle;
        one.window == self.window
            && one.idle <= one.window
            && self.inflows.join(lane, &one.inflows)
            && self.outflows.join(lane, &one.outflows)
    }

    #[inline(always)]
    fn step(&mut self, [high, low, close, volume]: [&Lane; 4]) -> [Lane; 1] {
        let typical = typical([high, low, close]);
        let previous = std::mem::replace(&mut self.previous, typical);
        let moved = lane(|l| typical[l] - previous[l]);
        let reach = lane(|l| typical[l].abs() + previous[l].abs());
        let flow = lane(|l| typical[l] * volume[l]);
        let flow = lane(|l| if is_zero_beside(moved[l], reach[l]) { 0.0 } else { flow[l] });
        let inflows = lane(|l| if moved[l] < 0.0 { 0.0 } else { flow[l] });
        let outflows = lane(|l| if moved[l] < 0.0 { flow[l] } else { 0.0 });
        self.slide(&inflows, &outflows);
        let (inflow, outflow) = (self.inflow, self.outflow);
        let total = lane(|l| inflow[l] + outflow[l]);
        let inside = lane(|l| if inflow[l] > total[l] { total[l] } else { inflow[l] });
        let inside = lane(|l| if inflow[l] < 0.0 { 0.0 } else { inside[l] });
        let share = lane(|l| 100.0 * (inside[l] / total[l]));
        [lane(|l| if total[l] <= 0.0 { 0.0 } else { share[l] })]
    }

    fn leave(&self, lane: usize, one: &mut MoneyFlow) {
        self.inflows.leave(lane, &mut one.inflows);
        self.outflows.leave(lane, &mut one.outflows);
        one.previous = Some(self.previous[lane]);
        (one.inflow, one.outflow) = (self.inflow[lane], self.outflow[lane]);
        one.idle = self.idle[lane];
    }
}
