//! PostgreSQL, RabbitMQ and Redis for as long as standard input stays open, on free loopback ports.
//! Prints where they are as shell assignments, then `ready`.

use std::io::Read;
use std::thread;

use alphafleet_testkit::{postgres, rabbitmq, redis};

fn main() {
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
    std::io::stdin().read_to_end(&mut Vec::new()).ok();
}
