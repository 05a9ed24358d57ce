use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use crate::FaultCode;
use crate::reader::Reader;

const MOST_INSTRUMENTS: usize = 50_000;

/// Which of the dataset's instruments a run uses. Those whose code is an index's (`^GSPC`,
/// `SH000300`, `SZ399001`) are left out unless `include` names them: an index cannot be held and
/// would be ranked as if it could.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(default)]
#[schemars(deny_unknown_fields)]
pub struct Universe {
    /// Only these; empty is all.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub include: Vec<String>,
    /// Not these.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub exclude: Vec<String>,
}

impl Universe {
    pub fn contains(&self, instrument: &str) -> bool {
        let named = |list: &[String]| list.iter().any(|name| name == instrument);
        (self.include.is_empty() || named(&self.include)) && !named(&self.exclude)
    }

    pub(crate) fn read(mut reader: Reader<'_>) -> Self {
        let include = reader.list("include");
        let exclude = reader.list("exclude");
        let universe = Self {
            include: instruments(&reader, "include", include),
            exclude: instruments(&reader, "exclude", exclude),
        };
        let both = universe.include.iter().find(|name| universe.exclude.contains(name));
        if let Some(name) = both {
            let message = format!("names {name:?}, which include names too; choose one");
            reader.fault("exclude", FaultCode::Conflict, message);
        }
        reader.finish();
        universe
    }
}

pub(crate) fn instruments(reader: &Reader<'_>, field: &str, list: Option<&[Value]>) -> Vec<String> {
    let list = list.unwrap_or_default();
    if list.len() > MOST_INSTRUMENTS {
        let message = format!("{} instruments; name at most {MOST_INSTRUMENTS}", list.len());
        reader.fault(field, FaultCode::OutOfRange, message);
        return Vec::new();
    }
    let mut names = Vec::with_capacity(list.len());
    for (at, value) in list.iter().enumerate() {
        match value.as_str() {
            Some(name) if !name.is_empty() => names.push(name.to_owned()),
            _ => reader.wrong_type(&format!("{field}[{at}]"), "an instrument's name", value),
        }
    }
    names
}
