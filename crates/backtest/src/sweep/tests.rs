#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::cell::Cell;
use std::ops::ControlFlow::{self, Break, Continue};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use alphafleet_factors::DateRange;
use alphafleet_market::SyntheticMarket;

use super::{AHEAD, Sweep};
use crate::plan::{EventPlan, Outcome, Plan, Simulation, StrategyPlan};
use crate::qlib::QlibConfig;
use crate::strategies::{MovingAverageCrossConfig, Sizing};
use crate::{BacktestError, Config};

struct Market {
    simulation: Simulation,
    period: DateRange,
}

impl Market {
    fn prepare() -> Self {
        let market = SyntheticMarket { instruments: 4, bars: 150, ..SyntheticMarket::default() };
        let panel = Arc::new(market.generate().unwrap());
        let (start, end) = (panel.calendar()[0].date(), panel.calendar()[149].date());
        let period = DateRange { start, end };
        let simulation = Simulation::prepare(&plan(period, 2), &panel, &[]).unwrap();
        Self { simulation, period }
    }

    fn sweep<'a>(&'a self, threads: usize, cancel: &'a AtomicBool) -> Sweep<'a> {
        Sweep { simulation: &self.simulation, signal: None, threads, cancel }
    }

    fn plans(&self, count: usize) -> impl Iterator<Item = Plan> {
        let period = self.period;
        (0..count).map(move |place| plan(period, 2 + place % 40))
    }
}

fn plan(period: DateRange, fast: usize) -> Plan {
    Plan::Event(EventPlan {
        market: None,
        config: Config { record_positions: false, ..Config::new(period) },
        strategy: StrategyPlan::MovingAverageCross(MovingAverageCrossConfig {
            fast,
            slow: 50,
            sizing: Sizing::Weight(0.2),
            short: false,
        }),
    })
}

fn equity(_: &Plan, outcome: Outcome) -> u64 {
    let Outcome::Event(result) = outcome else { panic!("another engine") };
    result.days.last().unwrap().equity.to_bits()
}

#[test]
fn every_run_is_taken_in_order_and_is_what_it_is_alone() {
    let market = Market::prepare();
    let alone: Vec<u64> = market
        .plans(60)
        .map(|plan| {
            let outcome = market.simulation.run(&plan, None, &mut |_| Continue(())).unwrap();
            equity(&plan, outcome)
        })
        .collect();
    assert!(alone.windows(2).any(|pair| pair[0] != pair[1]), "the plans differ");
    for threads in [0, 1, 2, 5, 100] {
        let mut found = Vec::new();
        let taken = market.sweep(threads, &AtomicBool::new(false)).run(
            market.plans(60),
            equity,
            |place, equity| {
                assert_eq!(place, found.len());
                found.push(equity.unwrap());
                Continue(())
            },
        );
        assert_eq!((taken, &found), (60, &alone), "{threads} threads");
    }
}

#[test]
fn no_plan_at_all_is_nothing_to_take() {
    let market = Market::prepare();
    let take = |_, _: Result<u64, BacktestError>| -> ControlFlow<()> { panic!("nothing to take") };
    assert_eq!(market.sweep(3, &AtomicBool::new(false)).run([], equity, take), 0);
}

#[test]
fn a_plan_that_cannot_be_run_gives_its_error_and_the_others_go_on() {
    let market = Market::prepare();
    let mut plans: Vec<Plan> = market.plans(9).collect();
    let period = market.period;
    let qlib = serde_json::from_value::<QlibConfig>(serde_json::json!({ "period": period }));
    plans[3] = Plan::Qlib(qlib.unwrap());
    plans[5] = plan(period, 50);
    let mut codes = Vec::new();
    let taken = market.sweep(2, &AtomicBool::new(false)).run(plans, equity, |_, equity| {
        codes.push(equity.map_or_else(|error| error.code(), |_| "run"));
        Continue(())
    });
    let (run, wrong) = ("run", ["incomplete", "out_of_range"]);
    assert_eq!(codes, [run, run, run, wrong[0], run, wrong[1], run, run, run]);
    assert_eq!(taken, 9);
}

#[test]
fn plans_are_drawn_only_as_far_ahead_as_may_wait() {
    let market = Market::prepare();
    let drawn = Cell::new(0);
    let plans = market.plans(usize::MAX).inspect(|_| drawn.set(drawn.get() + 1));
    let cancel = AtomicBool::new(false);
    let taken = market.sweep(3, &cancel).run(plans, equity, |place, _| {
        assert!(drawn.get() <= place + 3 * AHEAD, "{} at {place}", drawn.get());
        if place == 99 { Break(()) } else { Continue(()) }
    });
    assert_eq!(taken, 100);
}

#[test]
fn a_cancelled_sweep_takes_nothing_more() {
    let market = Market::prepare();
    let cancel = AtomicBool::new(false);
    let plans = || market.plans(usize::MAX);
    // What has ended by then may still be taken, but not without end.
    let taken = market.sweep(3, &cancel).run(plans(), equity, |place, _| {
        if place == 20 {
            cancel.store(true, Ordering::Relaxed);
        }
        Continue(())
    });
    assert!((21..=21 + 3 * AHEAD).contains(&taken), "{taken}");
    let take = |_, _: Result<u64, BacktestError>| -> ControlFlow<()> { panic!("was cancelled") };
    assert_eq!(market.sweep(2, &cancel).run(plans(), equity, take), 0);
}

#[test]
fn a_panic_is_passed_on() {
    let market = Market::prepare();
    let cancel = AtomicBool::new(false);
    let digest = |plan: &Plan, outcome| match equity(plan, outcome) {
        _ if *plan == self::plan(market.period, 12) => panic!("on purpose"),
        equity => equity,
    };
    let sweep = || market.sweep(2, &cancel).run(market.plans(40), digest, |_, _| Continue(()));
    let panic = catch_unwind(AssertUnwindSafe(sweep)).unwrap_err();
    assert_eq!(panic.downcast_ref::<&str>(), Some(&"on purpose"));
}
