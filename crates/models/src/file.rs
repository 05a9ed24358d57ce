use serde::{Deserialize, Serialize};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::{BoostedTrees, Features, LinearModel, Model, ModelError};

/// The version of the file's layout. A reader refuses versions it does not know.
pub const FORMAT_VERSION: u32 = 1;
/// No larger file is read.
pub const MAX_FILE_BYTES: usize = 1 << 30;

const MAGIC: &[u8; 8] = b"AFMODEL\n";
const DIGEST_BYTES: usize = 32;
const MAX_HEADER_BYTES: usize = 16 << 20;
/// Magic and the header's length.
const PREFIX_BYTES: usize = MAGIC.len() + 4;

/// A model with all that is needed to predict with it: which features in which order, how they
/// were processed, what the label means.
///
/// As bytes: `AFMODEL\n`, the header's length (32 bits, little-endian), the header as JSON, the
/// payload (LightGBM's text, or a linear model as JSON), the SHA-256 of all that. Nothing in it
/// is executed. Equal models give equal bytes: there is no time in it.
#[derive(Debug, Clone, PartialEq)]
pub struct ModelFile {
    pub model: Model,
    /// Names in the order of the model's columns.
    pub features: Vec<String>,
    /// The label's expression and processing, as the caller describes it.
    pub label: Value,
    /// The processors with their fitted state, as the caller describes them.
    pub processors: Value,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format_version: u32,
    model: String,
    features: Vec<String>,
    label: Value,
    processors: Value,
    payload_bytes: u64,
}

/// SHA-256 in lower-case hexadecimal digits.
pub fn sha256_hex(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

impl ModelFile {
    /// # Errors
    /// When there is not one name a feature, or the file would be too large to be read again.
    pub fn to_bytes(&self) -> Result<Vec<u8>, ModelError> {
        crate::design::same(
            "the list of feature names",
            self.model.columns(),
            self.features.len(),
        )?;
        let payload = match &self.model {
            Model::LightGbm(trees) => trees.text().as_bytes().to_vec(),
            Model::Linear(linear) => json(linear)?,
        };
        let header = json(&Header {
            format_version: FORMAT_VERSION,
            model: self.model.type_name().to_owned(),
            features: self.features.clone(),
            label: self.label.clone(),
            processors: self.processors.clone(),
            payload_bytes: payload.len() as u64,
        })?;
        if header.len() > MAX_HEADER_BYTES || header.len() + payload.len() > MAX_FILE_BYTES / 2 {
            return fail("it would be too large");
        }
        let length = u32::try_from(header.len()).unwrap_or(u32::MAX);
        let mut bytes = [MAGIC.as_slice(), &length.to_le_bytes(), &header, &payload].concat();
        let digest = Sha256::digest(&bytes);
        bytes.extend_from_slice(&digest);
        Ok(bytes)
    }

    /// # Errors
    /// When the bytes are too many, damaged, of an unknown version, or do not fit together.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ModelError> {
        if bytes.len() > MAX_FILE_BYTES {
            return fail("it is too large");
        }
        let (header, payload) = split(bytes)?;
        let version = serde_json::from_slice::<Value>(header)
            .ok()
            .and_then(|header| header.get("format_version").and_then(Value::as_u64));
        if version != Some(u64::from(FORMAT_VERSION)) {
            return fail(match version {
                Some(version) => format!("version {version} is not known here"),
                None => "its header names no version".to_owned(),
            });
        }
        let header: Header = match serde_json::from_slice(header) {
            Ok(header) => header,
            Err(error) => return fail(format!("its header is wrong: {error}")),
        };
        if header.payload_bytes != payload.len() as u64 {
            return fail("it is cut short or too long");
        }
        let model = read_model(&header.model, payload)?;
        if model.columns() != header.features.len() {
            return fail(format!(
                "it names {} features, its model has {}",
                header.features.len(),
                model.columns()
            ));
        }
        let Header { features, label, processors, .. } = header;
        Ok(Self { model, features, label, processors })
    }

    /// One score a row.
    ///
    /// # Errors
    /// When the features are not the model's, by name and order, or one is missing that the model
    /// needs.
    pub fn predict(&self, features: &Features<'_>, threads: usize) -> Result<Vec<f64>, ModelError> {
        features.check()?;
        features.check_names(&self.features)?;
        self.model.predict(features, threads)
    }
}

/// Header and payload of bytes whose checksum is right.
fn split(bytes: &[u8]) -> Result<(&[u8], &[u8]), ModelError> {
    if !bytes.starts_with(MAGIC) {
        return fail("it does not begin as one");
    }
    let Some((bytes, digest)) = bytes.split_last_chunk::<DIGEST_BYTES>() else {
        return fail("it is too short");
    };
    if Sha256::digest(bytes).as_slice() != digest {
        return fail("its checksum does not match");
    }
    let Some((prefix, rest)) = bytes.split_at_checked(PREFIX_BYTES) else {
        return fail("it is too short");
    };
    let length =
        prefix[MAGIC.len()..].iter().rev().fold(0usize, |sum, byte| sum << 8 | usize::from(*byte));
    match rest.split_at_checked(length) {
        Some(parts) if length <= MAX_HEADER_BYTES => Ok(parts),
        _ => fail("its header is cut short or too long"),
    }
}

fn read_model(name: &str, payload: &[u8]) -> Result<Model, ModelError> {
    match name {
        "lightgbm" => match std::str::from_utf8(payload) {
            Ok(text) => Ok(Model::LightGbm(BoostedTrees::from_text(text.to_owned())?)),
            Err(_) => fail("its trees are not text"),
        },
        "linear" => match serde_json::from_slice::<LinearModel>(payload) {
            Ok(linear) if linear.is_finite() => Ok(Model::Linear(linear)),
            Ok(_) => fail("its coefficients are not finite"),
            Err(error) => fail(format!("its coefficients are wrong: {error}")),
        },
        _ => fail(format!(
            "the kind of model {:?} is not known here",
            name.get(..40).unwrap_or(name)
        )),
    }
}

fn json(value: &impl Serialize) -> Result<Vec<u8>, ModelError> {
    serde_json::to_vec(value).map_err(|error| ModelError::File(error.to_string()))
}

fn fail<T>(message: impl Into<String>) -> Result<T, ModelError> {
    Err(ModelError::File(message.into()))
}

#[cfg(test)]
mod tests;
