#![allow(clippy::unwrap_used, clippy::expect_used)]

use alphafleet_artifacts::sha256_hex;
use alphafleet_market::Adjustment;
use chrono::{NaiveDate, NaiveDateTime};

use super::*;

fn day(day: u32) -> NaiveDateTime {
    NaiveDate::from_ymd_opt(2024, 1, day).unwrap().and_hms_opt(0, 0, 0).unwrap()
}

#[test]
fn every_part_of_an_identity_counts() {
    let identity = FeatureIdentity {
        manifest_sha256: "ab",
        formula: "$close",
        adjustment: Adjustment::Backward,
        universe: "{}",
    };
    let others = [
        FeatureIdentity { manifest_sha256: "abc", ..identity },
        FeatureIdentity { formula: "$open", ..identity },
        FeatureIdentity { adjustment: Adjustment::None, ..identity },
        FeatureIdentity { universe: "{\"exclude\":[\"A\"]}", ..identity },
        // Parts that would run together without their lengths.
        FeatureIdentity { manifest_sha256: "ab$", formula: "close", ..identity },
    ];
    for other in others {
        assert_ne!(other.key(), identity.key(), "{other:?}");
    }
    assert_eq!(FeatureIdentity { manifest_sha256: "AB", ..identity }.key(), identity.key());
    assert_eq!(identity.key().len(), 64);
}

#[test]
fn a_column_comes_back_and_a_broken_one_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("column.parquet");
    let (instruments, times) = (["A", "A", "B"], [day(1), day(2), day(2)]);
    write_feature(&path, &instruments, &times, &[1.5, f32::NAN, -2.0]).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let sha256 = sha256_hex(&bytes);
    let column = read_feature("column", bytes.clone(), &sha256).unwrap();
    assert_eq!((column.instruments.len(), column.values[0]), (3, 1.5));
    assert!(column.values[1].is_nan());

    let a = read_instrument(&column, "A", (Some(day(2).date()), None)).unwrap();
    assert_eq!((a.times, a.values.len()), (vec![day(2)], 1));
    let none = read_instrument(&column, "B", (None, Some(day(1).date()))).unwrap();
    assert_eq!(none, InstrumentValues::default());
    assert_eq!(read_instrument(&column, "C", (None, None)), None);

    let mut broken = bytes;
    let middle = broken.len() / 2;
    broken[middle] ^= 1;
    let refused = read_feature("column", broken, &sha256).unwrap_err();
    assert_eq!(refused.code(), "tampered_file");
}
