//! Both databases pass the one suite.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod postgres {
    use std::sync::Arc;

    use alphafleet_store::Store;
    use alphafleet_testkit::conformance::stores::AnyStore;
    use alphafleet_testkit::postgres::Database;

    async fn fresh() -> Option<(AnyStore, Database)> {
        let database = Database::fresh()?;
        let store = Store::open(&database.url()).await.unwrap();
        store.migrate().await.unwrap();
        Some((Arc::new(store), database))
    }

    alphafleet_testkit::store_conformance!(super::fresh);
}

mod sqlite {
    use std::sync::Arc;

    use alphafleet_store::Store;
    use alphafleet_testkit::conformance::stores::AnyStore;
    use tempfile::TempDir;

    async fn fresh() -> Option<(AnyStore, TempDir)> {
        let folder = tempfile::tempdir().unwrap();
        let url = format!("sqlite://{}", folder.path().join("test.db").display());
        let store = Store::open(&url).await.unwrap();
        store.migrate().await.unwrap();
        Some((Arc::new(store), folder))
    }

    alphafleet_testkit::store_conformance!(super::fresh);
}
