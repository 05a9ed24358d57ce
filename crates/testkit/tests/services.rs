//! The private services start, keep their data over an end of any kind, and leave nothing behind.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use alphafleet_testkit::{postgres, rabbitmq, redis};

fn listens(port: u16) -> bool {
    TcpStream::connect(("127.0.0.1", port)).is_ok()
}

fn port(url: &str) -> u16 {
    url.rsplit(':').next().unwrap().split('/').next().unwrap().parse().unwrap()
}

fn redis_says(port: u16, command: &str) -> String {
    let mut stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
    stream.write_all(format!("{command}\r\nQUIT\r\n").as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

#[test]
fn redis_keeps_its_data_until_it_is_wiped() {
    let Some(mut server) = redis::Server::start() else { return };
    assert!(redis_says(server.port(), "SET name alphafleet").starts_with("+OK"));
    server.kill();
    assert!(!listens(server.port()));
    server.start_again();
    assert!(redis_says(server.port(), "GET name").contains("alphafleet"));
    server.stop();
    server.wipe_and_start_again();
    assert!(redis_says(server.port(), "GET name").starts_with("$-1"));
}

#[test]
fn rabbitmq_starts_again_after_every_end() {
    let Some(mut server) = rabbitmq::Server::start() else { return };
    server.kill();
    assert!(!listens(server.port()));
    server.start_again();
    server.stop();
    server.wipe_and_start_again();
    assert!(listens(server.port()));
}

#[test]
fn postgres_starts_again_after_every_end() {
    let Some(mut server) = postgres::Server::start() else { return };
    server.kill();
    assert!(!listens(port(&server.url)));
    server.start_again();
    server.stop();
    server.start_again();
    assert!(listens(port(&server.url)));
}

#[test]
fn nothing_outlives_a_starter_that_was_killed() {
    let test = std::env::current_exe().unwrap();
    let example = test.ancestors().nth(2).unwrap().join("examples/private_services");
    let mut starter = Command::new(example)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("the example is built with the tests");
    let lines = BufReader::new(starter.stdout.take().unwrap()).lines().map_while(Result::ok);
    let urls: Vec<String> = lines.take_while(|line| line != "ready").collect();
    assert_eq!(urls.len(), 3, "{urls:?}");
    let ports: Vec<u16> = urls.iter().map(|url| port(url)).collect();
    assert!(ports.iter().all(|&port| listens(port)));
    starter.kill().unwrap();
    starter.wait().unwrap();
    let deadline = Instant::now() + Duration::from_secs(30);
    while ports.iter().any(|&port| listens(port)) {
        assert!(Instant::now() < deadline, "a service lives on");
        std::thread::sleep(Duration::from_millis(50));
    }
}
