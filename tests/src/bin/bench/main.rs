//! How fast the fleet and the factors are: one JSON object a line, `{name, value, unit, n, min, max, params}`.
//!
//! `bench [NAME…]` runs the named benchmarks, by default all; `scripts/bench` builds what they need.
//! With `ALPHAFLEET_BENCH_PEER` set to a Python that has Celery, that runs beside ours.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed benchmark has no result")]

mod dispatch;
mod factors;
mod latency;
mod measurement;
mod peer;
mod recovery;
mod relay;
mod start;

use measurement::Measurement;

const NAMES: [&str; 7] =
    ["dispatch", "latency", "recovery", "relay", "start", "factors", "indicators"];

#[tokio::main]
async fn main() {
    let asked: Vec<String> = std::env::args().skip(1).collect();
    if let Some(unknown) = asked.iter().find(|name| !NAMES.contains(&name.as_str())) {
        eprintln!("there is no benchmark '{unknown}': choose from {}", NAMES.join(", "));
        std::process::exit(2);
    }
    let wanted = |name: &&str| asked.is_empty() || asked.iter().any(|asked| asked == name);
    for name in NAMES.iter().copied().filter(|name| wanted(name)) {
        let measured = match name {
            "dispatch" => dispatch::run().await,
            "latency" => latency::run().await,
            "recovery" => recovery::run().await,
            "relay" => relay::run().await,
            "factors" => factors::alpha158(),
            "indicators" => factors::indicators(),
            _ => start::run(),
        };
        measured.iter().for_each(Measurement::print);
    }
}
