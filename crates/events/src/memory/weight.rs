use alphafleet_domain::Event;
use serde_json::Value;

/// About how many bytes an event takes in memory.
pub(super) fn weight(event: &Event) -> usize {
    size_of::<Event>() + value(&event.body.payload)
}

fn value(payload: &Value) -> usize {
    let held = match payload {
        Value::String(text) => text.len(),
        Value::Array(items) => items.iter().map(value).sum(),
        Value::Object(fields) => fields.iter().map(|(name, field)| name.len() + value(field)).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) => 0,
    };
    size_of::<Value>() + held
}
