use alphafleet_factors::DateRange;

use super::sweep_share::MOST_SHARES;
use super::{BacktestSweepShareSpec, BacktestSweepSpec, Share};

/// The fewest runs of a share. Each share reads the data, adjusts them and lays them out anew, which
/// takes about as long as some tens of runs over them: of a hundred it is the lesser part.
const LEAST_RUNS: usize = 100;
/// The most bytes of all shares' documents together: each repeats the axes.
const MOST_BYTES: usize = 16 << 20;

impl BacktestSweepSpec {
    /// The sweep cut into shares for several workers: every combination is in exactly one of them,
    /// and so is every window of the walk-forward test. Equal sweeps are cut alike.
    ///
    /// There are at most 64, each with at least 100 runs, and none at all where the whole is not
    /// worth two: then one job runs it. Where 64 are too few, the combinations over the whole
    /// period and the windows get as many as they have to do. Windows do not wait for what came of
    /// the whole period: every combination is a candidate in every window.
    pub fn shares(&self) -> Vec<BacktestSweepShareSpec> {
        let (runs, windows) = self.counts();
        if runs + windows < 2 {
            return Vec::new();
        }
        let configurations = self.sweep.configurations();
        let runs = (0..runs).map(|at| Share::Runs {
            from: at * configurations / runs,
            to: (at + 1) * configurations / runs,
        });
        let windows = (0..windows).map(|index| Share::Windows { index, of: windows });
        runs.chain(windows)
            .map(|share| BacktestSweepShareSpec { sweep: self.clone(), share })
            .collect()
    }

    /// How many shares the combinations over the whole period make, and how many the windows.
    fn counts(&self) -> (usize, usize) {
        let configurations = self.sweep.configurations();
        let days = trading_days(self.backtest.plan.period());
        let runs = (configurations / LEAST_RUNS).max(1);
        let Some(walk) = self.sweep.walk_forward else { return (runs.min(self.most()), 0) };
        let windows = walk.windows(days).max(1);
        if configurations.saturating_mul(1 + windows) < 2 * LEAST_RUNS {
            return (0, 0);
        }
        // So many windows together have enough runs.
        let together = LEAST_RUNS.div_ceil(configurations.max(1));
        divided(self.most(), (runs, days), ((windows / together).max(1), windows * walk.train))
    }

    /// The most shares there may be.
    fn most(&self) -> usize {
        let bytes = self.to_value().to_string().len();
        (MOST_BYTES / bytes.max(1)).clamp(2, MOST_SHARES)
    }
}

/// At most so many of two kinds, each with how many it could use and the days it simulates for a
/// combination; of both at least one.
fn divided(most: usize, one: (usize, usize), other: (usize, usize)) -> (usize, usize) {
    if one.0 + other.0 <= most {
        return (one.0, other.0);
    }
    let part = other.1 as f64 / (one.1 + other.1).max(1) as f64;
    let others = ((most as f64 * part).round() as usize).clamp(1, other.0.min(most - 1));
    let ones = one.0.min(most - others);
    (ones, other.0.min(most - ones))
}

/// About: five in a week. A calendar without weekends has more windows than this says, which then
/// share the same jobs.
fn trading_days(period: DateRange) -> usize {
    let days = (period.end - period.start).num_days() + 1;
    usize::try_from(days * 5 / 7).unwrap_or(0).max(1)
}
