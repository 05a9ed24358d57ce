//! Prints the URL of a private PostgreSQL and keeps it running until standard input ends.

use std::io::Read;

fn main() -> std::process::ExitCode {
    let Some(server) = alphafleet_testkit::postgres::Server::start() else {
        eprintln!("PostgreSQL is not installed: apt-get install postgresql");
        return std::process::ExitCode::FAILURE;
    };
    println!("{}", server.url);
    std::io::stdin().read_to_end(&mut Vec::new()).ok();
    std::process::ExitCode::SUCCESS
}
