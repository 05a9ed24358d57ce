use crate::engine::LANES;

/// Bars left until the sums of each instrument are rebuilt, whatever happens.
pub(super) struct Countdown {
    /// As of the last change.
    left: [u64; LANES],
    /// Bars since then.
    passed: u64,
    /// How many the first of them has.
    first: u64,
}

impl Countdown {
    pub(super) fn new() -> Self {
        Self { left: [u64::MAX; LANES], passed: 0, first: u64::MAX }
    }

    /// Takes a bar; whether any has none left.
    #[inline(always)]
    pub(super) fn tick(&mut self) -> bool {
        self.passed += 1;
        self.passed >= self.first
    }

    pub(super) fn left(&self, lane: usize) -> u64 {
        self.left[lane].saturating_sub(self.passed)
    }

    /// Gives some of them so many bars.
    pub(super) fn restart(&mut self, lanes: [bool; LANES], bars: u64) {
        self.left = std::array::from_fn(|l| if lanes[l] { bars } else { self.left(l) });
        self.passed = 0;
        self.first = self.left.iter().copied().min().unwrap_or(u64::MAX);
    }
}

/// The lane alone.
pub(super) fn only(lane: usize) -> [bool; LANES] {
    std::array::from_fn(|l| l == lane)
}
