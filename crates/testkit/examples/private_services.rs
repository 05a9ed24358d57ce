//! PostgreSQL, RabbitMQ and Redis on free loopback ports with data of their own.
//!
//! Prints where they are as shell assignments, then `ready`, and ends them when standard input is
//! closed.

use std::io::Read;
use std::process::ExitCode;

use alphafleet_testkit::{Services, postgres, rabbitmq, redis};

fn main() -> ExitCode {
    let Some(services) = Services::start() else {
        eprintln!("the services cannot be started: scripts/setup --services installs them");
        return ExitCode::FAILURE;
    };
    println!("export {}={}", postgres::URL_VARIABLE, services.postgres.url);
    println!("export {}={}", rabbitmq::URL_VARIABLE, services.rabbitmq.url());
    println!("export {}={}", redis::URL_VARIABLE, services.redis.url());
    println!("ready");
    std::io::stdin().read_to_end(&mut Vec::new()).ok();
    ExitCode::SUCCESS
}
