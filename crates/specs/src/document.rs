use serde_json::{Map, Number, Value};

use crate::{Fault, FaultCode, Faults};

/// Parses a document in JSON.
///
/// # Errors
/// One fault, of the field `$`, when the text is not JSON.
pub fn json(text: &str) -> Result<Value, Faults> {
    serde_json::from_str(text).map_err(|error| malformed("JSON", &error))
}

/// Parses a document in TOML into the JSON value it stands for; dates and times become text.
///
/// # Errors
/// One fault, of the field `$`, when the text is not TOML.
pub fn toml(text: &str) -> Result<Value, Faults> {
    let table: toml::Table = text.parse().map_err(|error| malformed("TOML", &error))?;
    Ok(converted(toml::Value::Table(table)))
}

fn malformed(format: &str, error: &dyn std::fmt::Display) -> Faults {
    let error = error.to_string();
    let message = format!("is not valid {format}: {}", error.trim_end());
    Fault::new("$", FaultCode::Malformed, message).into()
}

fn converted(value: toml::Value) -> Value {
    match value {
        toml::Value::String(text) => Value::String(text),
        toml::Value::Integer(number) => Value::from(number),
        // JSON has no infinity: what TOML calls `inf` is then found to be no number.
        toml::Value::Float(number) => {
            Number::from_f64(number).map_or_else(|| number.to_string().into(), Value::Number)
        }
        toml::Value::Boolean(flag) => Value::Bool(flag),
        toml::Value::Datetime(time) => Value::String(time.to_string()),
        toml::Value::Array(list) => list.into_iter().map(converted).collect(),
        toml::Value::Table(table) => {
            let fields = table.into_iter().map(|(name, value)| (name, converted(value)));
            Value::Object(fields.collect::<Map<_, _>>())
        }
    }
}
