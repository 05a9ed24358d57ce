//! How fast the fleet and what it computes are: one JSON object a line,
//! `{name, value, unit, n, min, max, params}`.
//!
//! `bench [--scale PART] [NAME…]` runs the named benchmarks, by default all but the largest;
//! `scripts/bench` builds what they need. With `ALPHAFLEET_BENCH_PEERS` set to a folder of Python
//! environments the peers in them run beside ours, in turns.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed benchmark has no result")]

mod backtest;
mod backtest_bars;
mod child;
mod dispatch;
mod factors;
mod handler;
mod indicators;
mod latency;
mod market;
mod measurement;
mod peer;
mod recovery;
mod relay;
mod scale;
mod start;
mod sweep;
mod turns;

use measurement::Measurement;
use scale::Scale;

const NAMES: [&str; 11] = [
    "dispatch",
    "latency",
    "recovery",
    "relay",
    "start",
    "factors",
    "handler",
    "indicators",
    "backtest",
    "backtest-bars",
    "sweep",
];
/// Only where they are asked for: they take minutes and much memory.
const ASKED_FOR: [&str; 1] = ["factors-large"];
const CHILDREN: [child::Work; 3] =
    [("alpha158", factors::alone), ("handler", handler::alone), ("sweep", sweep::alone)];

#[tokio::main]
async fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if let [first, rest @ ..] = arguments.as_slice()
        && first == child::CHILD
    {
        return child::serve(&CHILDREN, rest);
    }
    let (scale, asked) = match read(&arguments) {
        Ok(asked) => asked,
        Err(fault) => {
            eprintln!("{fault}");
            std::process::exit(2);
        }
    };
    let all = NAMES.iter().chain(&ASKED_FOR).copied();
    let wanted = |name: &&str| match asked.is_empty() {
        true => NAMES.contains(name),
        false => asked.iter().any(|asked| asked == name),
    };
    for name in all.filter(wanted) {
        let measured = match name {
            "dispatch" => dispatch::run().await,
            "latency" => latency::run().await,
            "recovery" => recovery::run().await,
            "relay" => relay::run().await,
            "factors" => factors::alpha158(scale),
            "factors-large" => factors::large(scale),
            "handler" => handler::run(scale),
            "indicators" => indicators::run(scale),
            "backtest" => backtest::run(scale),
            "backtest-bars" => backtest_bars::run(scale),
            "sweep" => sweep::run(scale),
            _ => start::run(),
        };
        measured.iter().for_each(Measurement::print);
    }
}

/// The part of the usual size, and the names.
fn read(arguments: &[String]) -> Result<(Scale, Vec<String>), String> {
    let (mut scale, mut names) = (1.0, Vec::new());
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        if argument == "--scale" {
            let part = arguments.next().and_then(|part| part.parse().ok());
            let fits = |part: &f64| *part > 0.0 && *part <= 100.0;
            scale = part.filter(fits).ok_or("--scale wants a number above 0, at most 100")?;
        } else if NAMES.iter().chain(&ASKED_FOR).any(|name| name == argument) {
            names.push(argument.clone());
        } else {
            let known = [NAMES.as_slice(), &ASKED_FOR].concat().join(", ");
            return Err(format!("there is no benchmark '{argument}': choose from {known}"));
        }
    }
    Ok((Scale(scale), names))
}
