//! How a trade unit is written: a number, or that there is none.

use std::fmt;

use schemars::{Schema, SchemaGenerator, json_schema};
use serde::de::{Deserializer, Error, Visitor};

/// What [`read`] takes.
pub(super) fn schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({ "anyOf": [
        { "type": ["number", "null"], "format": "double" },
        { "type": "string", "const": "none" },
    ] })
}

/// Reads a number, `"none"`, which TOML can say too, or null.
pub(super) fn read<'de, D: Deserializer<'de>>(source: D) -> Result<Option<f64>, D::Error> {
    source.deserialize_any(TradeUnit)
}

struct TradeUnit;

impl Visitor<'_> for TradeUnit {
    type Value = Option<f64>;

    fn expecting(&self, text: &mut fmt::Formatter<'_>) -> fmt::Result {
        text.write_str("a number of shares, or \"none\" to trade fractions")
    }

    fn visit_f64<E>(self, unit: f64) -> Result<Self::Value, E> {
        Ok(Some(unit))
    }

    fn visit_i64<E>(self, unit: i64) -> Result<Self::Value, E> {
        Ok(Some(unit as f64))
    }

    fn visit_u64<E>(self, unit: u64) -> Result<Self::Value, E> {
        Ok(Some(unit as f64))
    }

    fn visit_str<E: Error>(self, word: &str) -> Result<Self::Value, E> {
        if word == "none" {
            Ok(None)
        } else {
            Err(E::invalid_value(serde::de::Unexpected::Str(word), &self))
        }
    }

    fn visit_unit<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_none<E>(self) -> Result<Self::Value, E> {
        Ok(None)
    }
}
