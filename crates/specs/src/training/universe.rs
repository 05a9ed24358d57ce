use schemars::JsonSchema;
use serde::Serialize;
use serde_json::Value;

use super::read::LONGEST_NAME;
use crate::reader::Reader;
use crate::{Fault, FaultCode, Faults};

const MOST_INSTRUMENTS: usize = 50_000;

/// Which of the dataset's instruments a run uses. Those whose code is an index's (`^GSPC`,
/// `SH000300`, `SZ399001`) are left out unless `include` names them: an index cannot be held and
/// would be ranked as if it could.
///
/// With `members` the universe changes: an instrument belongs to it on those bars alone. On the
/// others it is no row to learn from or to score, takes no part in cross-sections, and is not
/// bought; its earlier bars still count in windows.
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
    /// The dataset's field that says who belongs when: neither 0 nor missing on a member's bars,
    /// such as the weight in an index. Absent, all belong always.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schemars(length(min = 1, max = 128))]
    pub members: Option<String>,
}

impl Universe {
    pub fn contains(&self, instrument: &str) -> bool {
        let named = |list: &[String]| list.iter().any(|name| name == instrument);
        (self.include.is_empty() || named(&self.include)) && !named(&self.exclude)
    }

    /// Refuses members that a field of other data tells: `at` is where the universe stands,
    /// `columns` are the data's own.
    pub fn check_members(&self, at: &str, columns: &[String]) -> Result<(), Faults> {
        let Some(field) = self.members.as_ref().filter(|field| !columns.contains(field)) else {
            return Ok(());
        };
        let has: Vec<String> = columns.iter().map(|column| format!("${column}")).collect();
        let message = format!("the data have no ${field}; they have {}", has.join(", "));
        Err(Fault::new(format!("{at}.members"), FaultCode::UnknownValue, message).into())
    }

    pub(crate) fn read(mut reader: Reader<'_>) -> Self {
        let include = reader.list("include");
        let exclude = reader.list("exclude");
        let universe = Self {
            include: instruments(&reader, "include", include),
            exclude: instruments(&reader, "exclude", exclude),
            members: members(&mut reader),
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

/// The field's name, with or without its `$`.
fn members(reader: &mut Reader<'_>) -> Option<String> {
    let (field, text) = reader.text(&["members"])?;
    let name = text.strip_prefix('$').unwrap_or(text);
    if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control)
    {
        let message = format!("name a field of the dataset, of 1 to {LONGEST_NAME} characters");
        reader.fault(field, FaultCode::OutOfRange, message);
    }
    Some(name.to_owned())
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
