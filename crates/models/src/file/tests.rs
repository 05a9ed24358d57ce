#![allow(clippy::unwrap_used, clippy::expect_used)]

use alphafleet_specs::LightGbmParams;
use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::{BoostingFit, Design, FitOutcome, NoObserver, fit_boosting};

const ROWS: usize = 300;

fn names() -> Vec<String> {
    ["KMID", "close \"<\"", "ROC5"].map(str::to_owned).to_vec()
}

fn values() -> Vec<f32> {
    (0..ROWS * 3).map(|at| ((at * 7_919) % 1_009) as f32 / 1_009.0).collect()
}

fn trees() -> ModelFile {
    let (names, values) = (names(), values());
    let label: Vec<f32> = values[..ROWS].iter().map(|x| 2.0 * x).collect();
    let params = LightGbmParams { rounds: 4, ..LightGbmParams::default() };
    let train = Design { features: &values, rows: ROWS, columns: 3, names: &names, label: &label };
    let fit = BoostingFit {
        train,
        valid: None,
        params: &params,
        seed: Some(1),
        threads: 1,
        checkpoint_every: 0,
    };
    let FitOutcome::Finished(fitted) = fit_boosting(&fit, None, &mut NoObserver).unwrap() else {
        panic!("nobody cancelled")
    };
    file(Model::LightGbm(fitted.model))
}

fn linear() -> ModelFile {
    file(Model::Linear(LinearModel { intercept: 0.1, coefficients: vec![0.3, -1e-300, 1e300] }))
}

fn file(model: Model) -> ModelFile {
    let processors = json!([{"name": "robust_z_score", "center": [0.1, 0.2, 0.30000000000000004]}]);
    ModelFile { model, features: names(), label: json!("Ref($close, -2)"), processors }
}

#[test]
fn round_trip_predicts_the_same() {
    let (names, values) = (names(), values());
    let features = Features { values: &values, rows: ROWS, columns: 3, names: &names };
    for file in [trees(), linear()] {
        let bytes = file.to_bytes().unwrap();
        assert_eq!(bytes, file.to_bytes().unwrap());
        let read = ModelFile::from_bytes(&bytes).unwrap();
        assert_eq!(read, file);
        let scores = file.predict(&features, 1).unwrap();
        assert_eq!(read.predict(&features, 2).unwrap(), scores);
    }
}

#[test]
fn other_features_are_refused() {
    let values = values();
    let mut names = names();
    names.swap(1, 2);
    let features = Features { values: &values, rows: ROWS, columns: 3, names: &names };
    let error = trees().predict(&features, 1).unwrap_err();
    assert!(matches!(&error, ModelError::Features { at: 1, found, .. } if found == "ROC5"));
    let features = Features { values: &values[..600], rows: ROWS, columns: 2, names: &names[..2] };
    assert!(trees().predict(&features, 1).is_err());
    let mut short = trees();
    short.features.pop();
    assert!(short.to_bytes().is_err());
}

#[test]
fn cut_or_unknown_files_are_refused() {
    for file in [trees(), linear()] {
        let bytes = file.to_bytes().unwrap();
        for end in (0..bytes.len()).step_by(11) {
            assert!(ModelFile::from_bytes(&bytes[..end]).is_err());
        }
        assert!(ModelFile::from_bytes(&[bytes.as_slice(), b"\n"].concat()).is_err());
    }
    let bytes = linear().to_bytes().unwrap();
    let text = String::from_utf8_lossy(&bytes[12..bytes.len() - DIGEST_BYTES]).into_owned();
    let edited = |from: &str, to: &str| {
        assert!(text.contains(from), "{from}");
        let text = text.replacen(from, to, 1);
        let length = u32::try_from(text.find("}{").unwrap() + 1).unwrap();
        signed(length, text.as_bytes()).unwrap_err().to_string()
    };
    assert!(edited("\"format_version\":1", "\"format_version\":2").contains("version 2"));
    assert!(edited("\"linear\"", "\"pickle\"").contains("pickle"));
    assert!(edited("\"KMID\",", "").contains("2 features"));
    assert!(edited("1e+300", "1e300,2.0").contains("too long"));
    assert!(edited("1e+300", "1e+999").contains("coefficients are wrong"));
    assert!(edited("\"label\"", "\"labels\"").contains("header is wrong"));
    assert!(signed(u32::MAX, b"{}").is_err());
    assert!(signed(2, b"{}").unwrap_err().to_string().contains("no version"));
}

/// A file with a right checksum, whatever is in it.
fn signed(header_bytes: u32, rest: &[u8]) -> Result<ModelFile, ModelError> {
    let mut bytes = [MAGIC.as_slice(), &header_bytes.to_le_bytes(), rest].concat();
    let digest = Sha256::digest(&bytes);
    bytes.extend_from_slice(&digest);
    ModelFile::from_bytes(&bytes)
}

proptest! {
    /// Whatever single byte is damaged, the file is refused.
    #[test]
    fn damage_is_seen(place in 0.0f64..1.0, flip in 1u8..=255) {
        let mut bytes = linear().to_bytes().unwrap();
        let at = (place * bytes.len() as f64) as usize;
        bytes[at] ^= flip;
        prop_assert!(ModelFile::from_bytes(&bytes).is_err());
    }

    #[test]
    fn noise_is_refused(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(ModelFile::from_bytes(&bytes).is_err());
    }
}
