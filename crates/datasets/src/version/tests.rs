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
    let instruments = version_instruments(&store, &stored.manifest).await.unwrap();
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
        if name != key.as_str() {
            let refused_too = version_instruments(&store, &stored.manifest).await.unwrap_err();
            assert_eq!(refused_too.to_string(), refused.to_string());
        }
        assert!(refused.to_string().contains(name), "{refused}");
        std::fs::write(&path, good).unwrap();
    }
    std::fs::remove_file(folder.path().join(&stored.manifest.files[0].key)).unwrap();
    let missing = load_version(&store, key, sha256).await.unwrap_err();
    assert_eq!(missing.code(), "missing_file");
}

fn announced(day: &str, fields: &[&str]) -> NewAnnouncements {
    let mut builder = alphafleet_market::AnnouncementsBuilder::default();
    for field in fields {
        for instrument in ["SYN00001", "SYN00002", "UNLISTED"] {
            builder
                .push(alphafleet_market::AnnouncementRow {
                    instrument,
                    field,
                    announced: day.parse().unwrap(),
                    period: if field.ends_with("_a") { 2018 } else { 201804 },
                    value: if instrument == "UNLISTED" { f64::NAN } else { -0.0 },
                })
                .unwrap();
        }
    }
    let source =
        crate::import::SourceFile { name: "told.csv".into(), bytes: 1, sha256: "ab".into() };
    NewAnnouncements { announcements: builder.build().unwrap(), source }
}

#[tokio::test]
async fn announcements_lie_beside_the_same_bars_and_are_carried_on() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_store(&format!("file://{}", folder.path().display())).unwrap();
    let import = import();
    let first = store_version(&store, &new(), &import, None).await.unwrap();
    let json = String::from_utf8(manifest_json(&first.manifest).unwrap()).unwrap();
    assert!(!json.contains("announcements"), "a version without them reads as ever: {json}");

    let next =
        NewVersion { version_id: Uuid::from_u128(3), parent: Some(new().version_id), ..new() };
    let given = announced("2019-04-25", &["roe_q", "eps_a"]);
    let second = store_announcements(&store, &next, &first.manifest, &given).await.unwrap();
    let again = store_announcements(&store, &next, &first.manifest, &given).await.unwrap();
    assert_eq!(second, again);
    assert_ne!(second.manifest_sha256, first.manifest_sha256);
    assert_eq!(second.manifest.files, first.manifest.files);
    let stored = second.manifest.announcements.clone().unwrap();
    assert_eq!(stored.fields, ["eps_a", "roe_q"]);
    assert_eq!((stored.instruments, stored.file.rows), (3, 6));
    assert_eq!((stored.start.to_string(), stored.end), ("2019-04-25".to_owned(), stored.start));
    let (key, sha256) = (&second.manifest_key, &second.manifest_sha256);
    let loaded = load_version(&store, key, sha256).await.unwrap();
    assert_eq!(loaded.panel.calendar(), import.panel.calendar());

    let load = async |fields: &[&str]| {
        let fields = fields.iter().map(|&field| field.to_owned()).collect();
        load_announcements(&store, &loaded.manifest, &fields).await
    };
    assert!(load(&["sales_q"]).await.unwrap().is_empty());
    let both = load(&["eps_a", "roe_q", "sales_q"]).await.unwrap();
    assert_eq!(both.rows(), 6);
    for (ours, given) in both.iter().zip(given.announcements.iter()) {
        assert_eq!((ours.instrument, ours.field), (given.instrument, given.field));
        assert_eq!((ours.announced, ours.period), (given.announced, given.period));
        assert!(ours.value.to_bits() == given.value.to_bits() || ours.value.is_nan());
    }
    assert_eq!(load(&["roe_q"]).await.unwrap().field_names().collect::<Vec<_>>(), ["roe_q"]);

    let third = NewVersion { version_id: Uuid::from_u128(4), ..next };
    let third = store_version(&store, &third, &import, Some(stored.clone())).await.unwrap();
    assert_eq!(third.manifest.announcements, Some(stored.clone()));

    let path = folder.path().join(&stored.file.key);
    let good = std::fs::read(&path).unwrap();
    std::fs::write(&path, &good[..good.len() - 1]).unwrap();
    let refused = load(&["roe_q"]).await.unwrap_err();
    assert_eq!(refused.code(), "tampered_file");
    assert!(refused.to_string().contains(&stored.file.key), "{refused}");
    // What is not read is not looked at.
    assert!(load(&["sales_q"]).await.unwrap().is_empty());
}

#[tokio::test]
async fn announcements_that_cannot_belong_to_the_bars_are_refused() {
    let folder = tempfile::tempdir().unwrap();
    let store = open_store(&format!("file://{}", folder.path().display())).unwrap();
    let import = import();
    let first = store_version(&store, &new(), &import, None).await.unwrap().manifest;
    let next = NewVersion { version_id: Uuid::from_u128(3), ..new() };
    let strange = |row: alphafleet_market::AnnouncementRow<'_>| {
        let mut builder = alphafleet_market::AnnouncementsBuilder::default();
        builder.push(alphafleet_market::AnnouncementRow { instrument: "NOBODY", ..row }).unwrap();
        builder.build().unwrap()
    };
    let given = announced("2019-04-25", &["roe_q"]);
    let row = given.announcements.iter().next().unwrap();
    let other = NewAnnouncements { announcements: strange(row), source: given.source.clone() };
    let refused = store_announcements(&store, &next, &first, &other).await.unwrap_err();
    assert_eq!(refused.code(), "strange_announcements");
    assert!(refused.to_string().contains("NOBODY") && refused.to_string().contains("SYN0"));
    let many: Vec<String> = (0..8_193).map(|at| format!("x{at}_q")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let many = announced("2019-04-25", &many);
    let refused = store_announcements(&store, &next, &first, &many).await.unwrap_err();
    assert_eq!(refused.code(), "too_large");
    let none = NewAnnouncements { announcements: Default::default(), source: given.source };
    let refused = store_announcements(&store, &next, &first, &none).await.unwrap_err();
    assert_eq!(refused.code(), "empty_announcements");
    assert!(
        !folder
            .path()
            .join("datasets")
            .join(next.dataset_id.to_string())
            .join(next.version_id.to_string())
            .exists()
    );
}
