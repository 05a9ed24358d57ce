#![allow(clippy::unwrap_used, clippy::expect_used)]

use alphafleet_artifacts::sha256_hex;
use alphafleet_market::{Adjustment, Panel, PanelBuilder, PanelRow};
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
    let values = read_feature_values("column", bytes.clone(), &sha256).unwrap();
    assert_eq!((values.len(), values[0], values[2]), (3, 1.5, -2.0));
    assert!(values[1].is_nan());

    let a = read_instrument(&column, "A", (Some(day(2).date()), None)).unwrap();
    assert_eq!((a.times, a.values.len()), (vec![day(2)], 1));
    let none = read_instrument(&column, "B", (None, Some(day(1).date()))).unwrap();
    assert_eq!(none, InstrumentValues::default());
    assert_eq!(read_instrument(&column, "C", (None, None)), None);

    let mut broken = bytes;
    let middle = broken.len() / 2;
    broken[middle] ^= 1;
    let refused = read_feature_values("column", broken.clone(), &sha256).unwrap_err();
    assert_eq!(refused.code(), "tampered_file");
    let refused = read_feature("column", broken, &sha256).unwrap_err();
    assert_eq!(refused.code(), "tampered_file");
}

/// Two instruments; `b` begins late.
fn bars(closes: [&[f64]; 2], volume: f64) -> Panel {
    let mut builder = PanelBuilder::new(["close", "volume"]);
    for (instrument, closes) in ["A", "B"].into_iter().zip(closes) {
        for (at, &close) in closes.iter().enumerate().filter(|(_, close)| !close.is_nan()) {
            let row = PanelRow { instrument, time: day(1 + at as u32), values: &[close, volume] };
            builder.push(row).unwrap();
        }
    }
    builder.build().unwrap()
}

#[test]
fn only_a_changed_past_shows() {
    const NAN: f64 = f64::NAN;
    let before = bars([&[1.0, 2.0, 3.0], &[NAN, NAN, 7.0]], 5.0);
    let past = Pasts::new(&before).of(3, ["close", "unknown"]);
    assert_eq!(past.fields.len(), 1);
    type Closes = [&'static [f64]; 2];
    let table: [(Closes, f64, Option<PastChange>); 7] = [
        ([&[1.0, 2.0, 3.0, 4.0], &[NAN, NAN, 7.0, 8.0]], 5.0, None),
        // Its volume is not read.
        ([&[1.0, 2.0, 3.0], &[NAN, NAN, 7.0]], 6.0, None),
        ([&[1.0, 2.0], &[NAN, 7.0]], 5.0, Some(PastChange::Shorter)),
        ([&[1.0, 2.0, 3.0], &[NAN, 6.0, 7.0]], 5.0, Some(PastChange::Market)),
        ([&[1.0, NAN, 3.0, 4.0], &[NAN, 7.0, 7.0, 8.0]], 5.0, Some(PastChange::Market)),
        ([&[1.0, 2.0, 3.0, 4.0], &[NAN; 4]], 5.0, Some(PastChange::Market)),
        (
            [&[0.5, 1.0, 1.5, 4.0], &[NAN, NAN, 7.0, 8.0]],
            5.0,
            Some(PastChange::Fields(vec!["close".to_owned()])),
        ),
    ];
    for (closes, volume, change) in table {
        let after = bars(closes, volume);
        assert_eq!(Pasts::new(&after).change_since(&past), change, "{closes:?}");
    }
    // Who begins later was not there before.
    let first = Pasts::new(&before).of(2, ["close"]);
    let alone = bars([&[1.0, 2.0, 3.0], &[]], 5.0);
    assert_eq!(Pasts::new(&alone).change_since(&first), None);
}

#[test]
fn members_of_the_past_are_part_of_it() {
    let bars = |volume: f64| bars([&[1.0, 2.0, 3.0], &[f64::NAN, 6.0, 7.0]], volume);
    let whole = bars(5.0);
    let changing = |members: [f64; 6]| {
        bars(5.0).with_field("volume", members.to_vec()).unwrap().with_members("volume").unwrap()
    };
    let before = changing([1.0, 1.0, 0.0, f64::NAN, 0.0, 1.0]);
    let past = Pasts::new(&before).of(3, ["close"]);
    let same = changing([2.0, 1.0, f64::NAN, f64::NAN, 0.0, 9.0]);
    assert_eq!(Pasts::new(&same).change_since(&past), None);
    for other in [changing([1.0, 1.0, 1.0, f64::NAN, 0.0, 1.0]), whole] {
        assert_eq!(Pasts::new(&other).change_since(&past), Some(PastChange::Market));
    }
}

#[test]
fn a_state_comes_back_and_a_broken_one_is_refused() {
    let panel = bars([&[1.0, 2.0], &[3.0, 4.0]], 5.0);
    let past = Pasts::new(&panel).of(2, ["close", "volume"]);
    let state = FeatureState { past, operators: b"any\nbytes\0".to_vec() };
    let bytes = state.to_bytes().unwrap();
    assert_eq!(FeatureState::from_bytes("state", &bytes).unwrap(), state);
    for cut in [0, 10, 65, bytes.len() - 1] {
        let refused = FeatureState::from_bytes("state", &bytes[..cut]).unwrap_err();
        assert!(matches!(refused.code(), "tampered_file" | "corrupt_file"), "{refused}");
    }
    let mut broken = bytes;
    let last = broken.len() - 1;
    broken[last] ^= 1;
    let refused = FeatureState::from_bytes("state", &broken).unwrap_err();
    assert_eq!(refused.code(), "tampered_file");
}
