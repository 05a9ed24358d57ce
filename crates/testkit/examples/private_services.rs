//! PostgreSQL, RabbitMQ and Redis on free loopback ports with data of their own.
//!
//! Prints where they are as shell assignments, then `ready`, and ends them when standard input is
//! closed; with `--until-terminated`, when the process gets SIGTERM or SIGINT.

use std::io::Read;
use std::thread;

use alphafleet_testkit::{postgres, rabbitmq, redis};
use nix::sys::signal::{SigSet, Signal};

fn main() {
    let until_terminated = std::env::args().nth(1).as_deref() == Some("--until-terminated");
    // Before any thread starts, so that none of them takes the signal.
    let mut ending = SigSet::empty();
    ending.add(Signal::SIGTERM);
    ending.add(Signal::SIGINT);
    if until_terminated && ending.thread_block().is_err() {
        std::process::exit(1);
    }
    let (postgres, rabbitmq, redis) = thread::scope(|scope| {
        let postgres = scope.spawn(postgres::Server::start);
        let rabbitmq = scope.spawn(rabbitmq::Server::start);
        let redis = scope.spawn(redis::Server::start);
        (postgres.join(), rabbitmq.join(), redis.join())
    });
    let (Ok(Some(postgres)), Ok(Some(rabbitmq)), Ok(Some(redis))) = (postgres, rabbitmq, redis)
    else {
        eprintln!("the services cannot be started: scripts/setup --services installs them");
        std::process::exit(1);
    };
    println!("export {}={}", postgres::URL_VARIABLE, postgres.url);
    println!("export {}={}", rabbitmq::URL_VARIABLE, rabbitmq.url());
    println!("export {}={}", redis::URL_VARIABLE, redis.url());
    println!("ready");
    if until_terminated {
        ending.wait().ok();
    } else {
        std::io::stdin().read_to_end(&mut Vec::new()).ok();
    }
}
