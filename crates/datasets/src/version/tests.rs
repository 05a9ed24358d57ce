#![allow(clippy::unwrap_used, clippy::expect_used)]
use alphafleet_artifacts::open_store;
use alphafleet_market::SyntheticMarket;

use super::*;

fn import() -> Import {
    let panel = SyntheticMarket { instruments: 5, bars: 60, ..Default::default() };
    let panel = panel.generate().unwrap();
    Import { rows: panel.rows() as u64, panel, findings: vec![], sources: vec![] }
}

fn new() -> NewVersion {
    NewVersion {
        dataset_id: Uuid::from_u128(1),
        version_id: Uuid::from_u128(2),
        dataset_name: "demo".into(),
        parent: None,
        created_at: DateTime::from_timestamp(1_700_000_000, 0).unwrap(),
    }
}

#[tokio::test]
async fn a_version_comes_back_and_a_tampered_one_is_refused_by_name() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_store(&format!("file://{}", folder.path().display())).unwrap();
    let import = import();
    let stored = store_version(&store, &new(), &import, None).await.unwrap();
    assert!(stored.manifest_key.as_str().starts_with("datasets/00000000-"));
    let again = store_version(&store, &new(), &import, None).await.unwrap();
    assert_eq!(stored, again);
    let (key, sha256) = (&stored.manifest_key, &stored.manifest_sha256);
    let loaded = load_version(&store, key, sha256).await.unwrap();
    assert_eq!(loaded.manifest, stored.manifest);
    assert_eq!(
        crate::panel_to_parquet(&loaded.panel).unwrap(),
        crate::panel_to_parquet(&import.panel).unwrap()
    );
    assert_eq!(loaded.panel.calendar(), import.panel.calendar());
    let instruments = version_instruments(&store, key, sha256).await.unwrap();
    assert_eq!(instruments, import.panel.instruments());

    for name in [stored.manifest.files[0].key.as_str(), key.as_str()] {
        let path = folder.path().join(name);
        let good = std::fs::read(&path).unwrap();
        let mut bad = good.clone();
        let middle = bad.len() / 2;
        bad[middle] ^= 1;
        std::fs::write(&path, bad).unwrap();
        let refused = load_version(&store, key, sha256).await.unwrap_err();
        assert_eq!(refused.code(), "tampered_file");
        let refused_too = version_instruments(&store, key, sha256).await.unwrap_err();
        assert_eq!(refused_too.to_string(), refused.to_string());
        assert!(refused.to_string().contains(name), "{refused}");
        std::fs::write(&path, good).unwrap();
    }
    std::fs::remove_file(folder.path().join(&stored.manifest.files[0].key)).unwrap();
    let missing = load_version(&store, key, sha256).await.unwrap_err();
    assert_eq!(missing.code(), "missing_file");
}
