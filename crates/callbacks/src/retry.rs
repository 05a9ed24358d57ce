use std::time::Duration;

use rand::RngExt;

use crate::Retries;

const GROWTH: f64 = 3.0;
const JITTER: f64 = 0.2;

impl Retries {
    /// The wait after `tries` tries have failed; `None` when they were the last.
    pub(crate) fn wait(&self, tries: u32) -> Option<Duration> {
        let spread = rand::rng().random_range(1.0 - JITTER..=1.0 + JITTER);
        (tries < self.tries).then(|| self.nominal(tries).mul_f64(spread))
    }

    fn nominal(&self, tries: u32) -> Duration {
        let exponent = i32::try_from(tries.saturating_sub(1)).unwrap_or(i32::MAX);
        let grown = self.first.as_secs_f64() * GROWTH.powi(exponent);
        // Beyond what a duration holds it is the longest anyway.
        Duration::try_from_secs_f64(grown).unwrap_or(self.longest).min(self.longest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_an_hour_and_end_after_about_a_day() {
        let retries = Retries::default();
        let nominal: Vec<u64> = (1..=8).map(|tries| retries.nominal(tries).as_secs()).collect();
        assert_eq!(nominal, [5, 15, 45, 135, 405, 1_215, 3_600, 3_600]);
        let all: u64 = (1..retries.tries).map(|tries| retries.nominal(tries).as_secs()).sum();
        assert!((20 * 3_600..26 * 3_600).contains(&all), "{all}");
        assert_eq!(retries.wait(retries.tries), None);
        assert_eq!(retries.nominal(u32::MAX), retries.longest);
    }

    #[test]
    fn waits_are_spread() {
        let retries = Retries::default();
        for _ in 0..1_000 {
            let wait = retries.wait(1).map(|wait| wait.as_secs_f64());
            assert!(wait.is_some_and(|wait| (4.0..=6.0).contains(&wait)), "{wait:?}");
        }
    }
}
