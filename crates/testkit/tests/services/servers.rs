//! The private servers start and keep their data over an end of any kind.
use std::path::Path;
use std::process::Command;
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use crate::support::{leave_message, listens, redis_says, take_message};
use alphafleet_testkit::tls::Certificates;
use alphafleet_testkit::{postgres, rabbitmq, redis};

#[test]
fn redis_keeps_its_data_until_it_is_wiped() {
    let Some(mut server) = redis::Server::start() else { return };
    assert!(redis_says(server.url(), "SET name alphafleet").starts_with("+OK"));
    server.kill();
    assert!(!listens(server.port()));
    server.start_again();
    assert!(redis_says(server.url(), "GET name").contains("alphafleet"));
    server.stop();
    server.wipe_and_start_again();
    assert!(redis_says(server.url(), "GET name").starts_with("$-1"));
}

#[tokio::test]
async fn rabbitmq_keeps_its_data_until_it_is_wiped() {
    let Some(mut server) = rabbitmq::Server::start() else { return };
    leave_message(server.url(), b"alphafleet").await;
    server.kill();
    assert!(!listens(server.port()));
    server.start_again();
    assert_eq!(take_message(server.url()).await.unwrap(), b"alphafleet");
    leave_message(server.url(), b"again").await;
    server.stop();
    server.wipe_and_start_again();
    assert!(take_message(server.url()).await.is_none());
}

#[test]
fn postgres_starts_again_after_every_end() {
    let Some(mut server) = postgres::Server::start_with(&["application_name=kept"]) else { return };
    server.run("CREATE TABLE kept AS SELECT current_setting('application_name')").unwrap();
    server.kill();
    assert!(!listens(server.port()));
    server.start_again();
    server.run("SELECT * FROM kept").unwrap();
    server.stop();
    server.start_again();
    server.run("SELECT * FROM kept").unwrap();
    server.run("SELECT * FROM lost").unwrap_err();
}

#[test]
fn a_paused_postgres_answers_nobody() {
    let Some(mut server) = postgres::Server::start() else { return };
    server.pause();
    thread::scope(|scope| {
        let (answered, answer) = mpsc::channel();
        let server = &server;
        scope.spawn(move || answered.send(server.run("SELECT 1")));
        let waited = answer.recv_timeout(Duration::from_millis(200));
        server.resume();
        assert!(waited.is_err(), "nobody was to answer");
        answer.recv_timeout(Duration::from_secs(30)).unwrap().unwrap();
    });
    server.pause();
    server.kill();
    assert!(!server.is_alive());
    server.start_again();
    // Paused as it is, it has to end with this.
    server.pause();
}

/// libpq asks OpenSSL, which looks at more than our own clients do.
#[test]
fn certificates_satisfy_openssl() {
    let certificates = Certificates::make();
    let Some(server) = postgres::Server::start_with_tls(&certificates) else { return };
    let verified = |host: &str, authority: &Path| {
        let url = format!("postgres://postgres@{host}:{}/postgres", server.port());
        let query = format!("sslmode=verify-full&sslrootcert={}", authority.display());
        let mut psql = Command::new("psql");
        psql.args(["-XAtc", "SELECT ssl FROM pg_stat_ssl WHERE pid = pg_backend_pid()"]);
        psql.arg(format!("{url}?{query}")).output().unwrap()
    };
    let output = verified("localhost", &certificates.authority());
    assert_eq!(String::from_utf8_lossy(&output.stdout), "t\n", "{output:?}");
    assert!(verified("127.0.0.1", &certificates.authority()).status.success());
    assert!(!verified("localhost", &Certificates::make().authority()).status.success());
}
