use std::str::FromStr;

use alphafleet_domain::ports::StoreError;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::values::Json;

/// A count as the columns hold it. No real count comes near the ceiling.
pub(crate) fn saturating(count: impl TryInto<i64>) -> i64 {
    count.try_into().unwrap_or(i64::MAX)
}

pub(crate) fn unsigned<T: TryFrom<i64>>(value: i64, column: &'static str) -> Result<T, StoreError> {
    T::try_from(value).map_err(|_| StoreError::CorruptRow { column })
}

pub(super) fn parsed<T: FromStr>(text: &str, column: &'static str) -> Result<T, StoreError> {
    text.parse().map_err(|_| StoreError::CorruptRow { column })
}

/// A unit variant by its serde name.
pub(super) fn named<T: DeserializeOwned>(
    text: String,
    column: &'static str,
) -> Result<T, StoreError> {
    from_document(Json(Value::String(text)), column)
}

pub(crate) fn document(value: &impl Serialize) -> Json {
    Json::new(serde_json::to_value(value).unwrap_or(Value::Null))
}

pub(super) fn from_document<T: DeserializeOwned>(
    json: Json,
    column: &'static str,
) -> Result<T, StoreError> {
    serde_json::from_value(json.0).map_err(|_| StoreError::CorruptRow { column })
}

pub(super) fn present<T>(value: Option<T>, column: &'static str) -> Result<T, StoreError> {
    value.ok_or(StoreError::CorruptRow { column })
}
