//! The `monitoring-worker` binary: takes jobs away from workers that fell silent, publishes the
//! tickets of jobs that wait, announces how jobs ended, and removes what is no longer kept.

use std::process::ExitCode;

use alphafleet_bootstrap::{Role, ServeArgs, run};
use clap::Parser;

/// Watches over the fleet: expires, dispatches, announces and cleans up.
#[derive(Debug, Parser)]
#[command(name = "monitoring-worker", version, max_term_width = 100)]
struct Args {
    #[command(flatten)]
    serve: ServeArgs,
}

fn main() -> ExitCode {
    run(Role::MonitoringWorker, &Args::parse().serve)
}
