//! A worker with real children on the real SQLite store, and everything that goes wrong.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod ends;
mod families;
mod flaky;
mod handler;
mod limits;
mod loss;
mod outage;
mod rig;
mod works;

use std::process::ExitCode;

use libtest_mimic::Arguments;

fn main() -> ExitCode {
    match std::env::var(rig::ROLE).as_deref() {
        Ok("child") => alphafleet_worker::child::main(&[&handler::Scripted]),
        Ok("worker") => loss::be_a_worker(),
        _ => {
            let mut trials = works::trials();
            trials.extend(ends::trials());
            trials.extend(limits::trials());
            trials.extend(families::trials());
            trials.extend(loss::trials());
            trials.extend(outage::trials());
            libtest_mimic::run(&Arguments::from_args(), trials).exit_code()
        }
    }
}
