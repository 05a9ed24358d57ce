use std::time::Duration;

use super::Counts;

/// Batches that take less let the slot look further ahead.
const SWIFT: Duration = Duration::from_millis(50);

/// How many jobs a slot claims at once. It begins with one and doubles as long as batches are
/// swift; after one that was not it looks ahead no further than half of what was done in time, and
/// not at all after a job that took long.
#[derive(Debug, Clone, Copy)]
pub(crate) struct LookAhead {
    most: usize,
    now: usize,
}

impl LookAhead {
    pub fn up_to(most: u16) -> Self {
        Self { most: usize::from(most.max(1)), now: 1 }
    }

    pub const fn jobs(self) -> usize {
        self.now
    }

    /// Whether it can ever be more than one.
    pub const fn is_any(self) -> bool {
        self.most > 1
    }

    pub fn learn(&mut self, counts: Counts) {
        self.now = match counts {
            Counts { long: 1.., .. } => 1,
            Counts { given_back: 1.., ended, .. } => (ended / 2).clamp(1, self.now),
            Counts { took, .. } if took < SWIFT => (self.now * 2).min(self.most),
            Counts { .. } => self.now,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn swift_batches_grow_and_long_jobs_end_it() {
        let mut ahead = LookAhead::up_to(64);
        let swift = Counts { ended: 8, took: Duration::from_millis(5), ..Counts::default() };
        let grown: Vec<_> = (0..8)
            .map(|_| {
                ahead.learn(swift);
                ahead.jobs()
            })
            .collect();
        assert_eq!(grown, [2, 4, 8, 16, 32, 64, 64, 64]);
        ahead.learn(Counts { took: Duration::from_millis(100), ..swift });
        assert_eq!(ahead.jobs(), 64, "neither swift nor too long");
        ahead.learn(Counts { ended: 20, given_back: 44, ..swift });
        assert_eq!(ahead.jobs(), 10);
        ahead.learn(Counts { long: 1, ..swift });
        assert_eq!(ahead.jobs(), 1);
    }

    #[test]
    fn a_slot_without_look_ahead_never_gets_any() {
        let mut ahead = LookAhead::up_to(1);
        ahead.learn(Counts { ended: 1, ..Counts::default() });
        assert_eq!((ahead.jobs(), ahead.is_any()), (1, false));
    }
}
