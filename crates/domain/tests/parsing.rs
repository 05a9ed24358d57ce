//! Texts become values at the edge, or errors that say what is wrong.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use alphafleet_domain::ports::ArtifactKey;
use alphafleet_domain::{Cursor, JobId, LeaseId, Queue, Username};
use proptest::prelude::*;
use uuid::Uuid;

/// What comes of a text: its canonical form, or nothing.
fn parsed<T: std::str::FromStr + ToString>(text: &str) -> Option<String> {
    text.parse::<T>().ok().map(|value| value.to_string())
}

fn check<T: std::str::FromStr + ToString>(legal: &[&str], illegal: &[&str]) {
    for text in legal {
        assert_eq!(parsed::<T>(text).as_deref(), Some(*text));
    }
    for text in illegal {
        assert_eq!(parsed::<T>(text), None, "{text:?} was taken");
    }
}

#[test]
fn ids_are_uuids() {
    check::<JobId>(
        &["0198c5a0-0000-7000-8000-000000000001"],
        &["", "1", "0198c5a0-0000-7000-8000-00000000000", "not-a-uuid", "0198c5a0\n"],
    );
    let error = "x".repeat(10_000).parse::<JobId>().unwrap_err();
    assert!(error.to_string().len() < 200, "the message repeats the whole text");
    assert!(error.to_string().contains("session id"));
}

#[test]
fn ids_grow_with_time_and_leases_are_random() {
    let ids: Vec<JobId> = (0..1_000).map(|_| JobId::new()).collect();
    assert!(ids.is_sorted_by(|left, right| left < right), "session ids are out of order");
    assert_eq!(JobId::new().as_uuid().get_version_num(), 7);
    assert_eq!(LeaseId::new().as_uuid().get_version_num(), 4);
}

#[test]
fn queues_have_known_bases_and_plain_classes() {
    let longest = format!("default.{}", "a".repeat(32));
    let too_long = format!("default.{}", "a".repeat(33));
    check::<Queue>(
        &["training", "backtest", "monitoring", "default", "training.gpu", &longest],
        &[
            "",
            "Training",
            "trainings",
            "training.",
            "training.g pu",
            "training.gpu.a100",
            ".gpu",
            "training.gp\u{fc}",
            "training\n",
            &too_long,
        ],
    );
    assert!(serde_json::from_str::<Queue>("\"training.gpu\"").is_ok());
    assert!(serde_json::from_str::<Queue>("\"nonsense\"").is_err());
}

#[test]
fn cursors_are_two_numbers() {
    check::<Cursor>(
        &["0-0", "1-2", "18446744073709551615-18446744073709551615"],
        &["", "1", "-", "1-", "-1", "1-2-3", "1--2", "a-b", "18446744073709551616-1", "1 - 2"],
    );
}

#[test]
fn artifact_keys_stay_inside_their_folder() {
    check::<ArtifactKey>(
        &["a", "job/0198/model.txt", "date=2017-01-03/part-0.parquet", ".hidden"],
        &[
            "",
            "/",
            "/a",
            "a/",
            "a//b",
            ".",
            "..",
            "../a",
            "a/../b",
            "a/./b",
            "a\\b",
            "a b",
            "a\0b",
            "C:/a",
            "a/%2e%2e/b",
            "\u{e9}",
        ],
    );
    let folder: ArtifactKey = "job/1".parse().unwrap();
    assert_eq!(folder.join("model.txt").unwrap().as_str(), "job/1/model.txt");
    assert!(folder.join("../2").is_err());
    assert!(folder.join("").is_err());
    assert!("a".repeat(1_025).parse::<ArtifactKey>().is_err());
}

#[test]
fn usernames_are_plain() {
    for legal in ["a", "ann.lee@example.org", "x_1-2", &"a".repeat(64)] {
        assert_eq!(legal.parse::<Username>().unwrap().as_str(), legal);
    }
    for illegal in ["", " ", "a b", "a/b", "\u{fc}", &"a".repeat(65)] {
        assert!(illegal.parse::<Username>().is_err(), "{illegal:?} was taken");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(500) })]

    #[test]
    fn ids_and_cursors_round_trip(bits in any::<u128>(), epoch in any::<u64>(), seq in any::<u64>()) {
        let id = JobId::from_uuid(Uuid::from_u128(bits));
        prop_assert_eq!(id.to_string().parse(), Ok(id));
        let cursor = Cursor { epoch, seq };
        prop_assert_eq!(cursor.to_string().parse(), Ok(cursor));
    }

    #[test]
    fn no_text_panics_and_no_key_escapes(text in ".{0,80}", path in "[a./=-]{0,12}") {
        for text in [&text, &path] {
            let _parsed = (parsed::<JobId>(text), parsed::<Queue>(text), parsed::<Cursor>(text));
            if let Ok(key) = text.parse::<ArtifactKey>() {
                let legal = |segment: &str| !matches!(segment, "" | "." | "..");
                prop_assert!(key.as_str().split('/').all(legal));
            }
        }
    }
}
