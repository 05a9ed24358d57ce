//! Opening, migrating, the schema gate, and what outlives a crash.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use alphafleet_domain::AuditRecord;
use alphafleet_domain::ports::{AuditLog, JobStore};
use alphafleet_store::{OpenError, Store, StoreOptions};
use alphafleet_testkit::postgres::{Database, Server};
use alphafleet_testkit::tls::Certificates;
use diesel::{Connection, SqliteConnection};
use diesel_async::{AsyncConnection, AsyncPgConnection, SimpleAsyncConnection};
use tempfile::TempDir;

fn sqlite(folder: &TempDir) -> String {
    format!("sqlite://{}", folder.path().join("deep/test.db").display())
}

#[tokio::test]
async fn unknown_urls_are_refused_without_their_secrets() {
    for url in ["mysql://root:secret@host/db", "sqlite://", "test.db", ""] {
        let error = Store::open(url).await.err().expect(url);
        assert!(matches!(error, OpenError::UnknownUrl(_)), "{error:?}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}

#[tokio::test]
async fn a_sqlite_file_has_one_process() {
    let folder = tempfile::tempdir().unwrap();
    let first = Store::open(&sqlite(&folder)).await.unwrap();
    let second = Store::open(&sqlite(&folder)).await.err().expect("a second store");
    assert!(matches!(second, OpenError::InUse { .. }), "{second:?}");
    drop(first);
    Store::open(&sqlite(&folder)).await.unwrap();
}

async fn migrations_go_back_and_forth(store: &Store) {
    let gate = store.check_schema().await.expect_err("an empty database");
    assert!(matches!(&gate, OpenError::SchemaBehind(missing) if !missing.is_empty()), "{gate:?}");
    store.ping().await.expect_err("no schema");
    let applied = store.migrate().await.unwrap();
    assert!(!applied.is_empty());
    store.check_schema().await.unwrap();
    store.ping().await.unwrap();
    assert!(store.migrate().await.unwrap().is_empty(), "nothing is left to do");
    let mut reverted = Vec::new();
    while let Some(version) = store.revert_last_migration().await.unwrap() {
        reverted.push(version);
    }
    reverted.reverse();
    assert_eq!(reverted, applied);
    store.check_schema().await.expect_err("reverted");
    assert_eq!(store.migrate().await.unwrap(), applied, "back again");
}

#[tokio::test]
async fn sqlite_migrates() {
    let folder = tempfile::tempdir().unwrap();
    let store = Store::open(&sqlite(&folder)).await.unwrap();
    assert_eq!(store.backend(), "sqlite");
    migrations_go_back_and_forth(&store).await;
}

#[tokio::test]
async fn postgres_migrates() {
    let Some(database) = Database::fresh() else { return };
    let store = Store::open(&database.url()).await.unwrap();
    assert_eq!(store.backend(), "postgres");
    migrations_go_back_and_forth(&store).await;
}

#[tokio::test]
async fn racing_migrators_take_turns() {
    let Some(database) = Database::fresh() else { return };
    let url = database.url();
    let racing: Vec<_> = (0..4)
        .map(|_| {
            let url = url.clone();
            tokio::spawn(async move { Store::open(&url).await.unwrap().migrate().await })
        })
        .collect();
    let mut workers = 0;
    for migrate in racing {
        workers += usize::from(!migrate.await.unwrap().unwrap().is_empty());
    }
    assert_eq!(workers, 1, "one migrator did the work");
}

#[tokio::test]
async fn an_absent_server_is_said_to_be_away() {
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let store = Store::open(&format!("postgres://nobody@{free}/none")).await.unwrap();
    let error = store.ping().await.expect_err("nobody listens");
    assert!(error.is_retryable(), "{error:?}");
    assert!(matches!(store.check_schema().await, Err(OpenError::Connect(_))));
}

const CHANGES: [&str; 2] = ["UPDATE audit_log SET action = 'nothing'", "DELETE FROM audit_log"];

async fn with_one_audit_record(url: &str) -> Store {
    let store = Store::open(url).await.unwrap();
    store.migrate().await.unwrap();
    let record = AuditRecord {
        at: chrono::Utc::now(),
        user: None,
        action: "login.failed".to_owned(),
        target: "user".to_owned(),
        source: None,
        details: serde_json::json!({}),
    };
    store.append_audit(record).await.unwrap();
    store
}

#[tokio::test]
async fn the_audit_log_of_sqlite_refuses_changes() {
    let folder = tempfile::tempdir().unwrap();
    let store = with_one_audit_record(&sqlite(&folder)).await;
    let path = folder.path().join("deep/test.db");
    let mut raw = <SqliteConnection as Connection>::establish(path.to_str().unwrap()).unwrap();
    for change in CHANGES {
        let error = diesel::connection::SimpleConnection::batch_execute(&mut raw, change);
        let error = error.expect_err(change).to_string();
        assert!(error.contains("append-only"), "{error}");
    }
    assert_eq!(store.audit(Default::default()).await.unwrap().items[0].action, "login.failed");
}

#[tokio::test]
async fn the_audit_log_of_postgres_refuses_changes() {
    let Some(database) = Database::fresh() else { return };
    let store = with_one_audit_record(&database.url()).await;
    let mut raw = AsyncPgConnection::establish(&database.url()).await.unwrap();
    for change in CHANGES.into_iter().chain(["TRUNCATE audit_log"]) {
        let error = raw.batch_execute(change).await.expect_err(change).to_string();
        assert!(error.contains("append-only"), "{error}");
    }
    assert_eq!(store.audit(Default::default()).await.unwrap().items[0].action, "login.failed");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn postgres_over_tls_trusts_the_authority_it_is_given_alone() {
    let certificates = Certificates::make();
    let Some(server) = Server::start_with_tls(&certificates) else { return };
    let url = format!("{}?sslmode=verify-full", server.url.replace("127.0.0.1", "localhost"));
    let options = StoreOptions { ca_pem: Some(certificates.ca_pem()), ..StoreOptions::default() };
    let trusting = Store::open_with(&url, options).await.unwrap();
    trusting.migrate().await.unwrap();
    trusting.ping().await.unwrap();
    let strange = Store::open(&url).await.unwrap();
    strange.ping().await.expect_err("nobody here knows that authority");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn racing_migrators_wait_for_each_other() {
    let Some(database) = Database::fresh() else { return };
    let mut racers = tokio::task::JoinSet::new();
    for _ in 0..4 {
        let store = Store::open(&database.url()).await.unwrap();
        racers.spawn(async move { store.migrate().await.unwrap().len() });
    }
    let applied: usize = racers.join_all().await.into_iter().sum();
    let store = Store::open(&database.url()).await.unwrap();
    store.check_schema().await.unwrap();
    store.revert_last_migration().await.unwrap().expect("there is one");
    assert!(applied >= 2, "{applied} migrations by all of them together");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pool_recovers_when_its_server_comes_back() {
    let Some(mut server) = Server::start() else { return };
    let store = Store::open(&server.url).await.unwrap();
    store.migrate().await.unwrap();
    store.ping().await.unwrap();
    server.kill();
    let refused = store.ping().await.unwrap_err();
    assert!(refused.is_retryable(), "{refused:?}");
    server.start_again();
    let deadline = std::time::Instant::now() + std::time::Duration::from_secs(20);
    while let Err(error) = store.ping().await {
        assert!(error.is_retryable() && std::time::Instant::now() < deadline, "{error:?}");
    }
}
