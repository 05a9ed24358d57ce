use alphafleet_domain::Feature as Stored;
use schemars::JsonSchema;
use serde::Serialize;

use super::{Feature, Features};
use crate::reader::Reader;
use crate::{Fault, FaultCode, Faults, Formula, feature_name_fault};

const PREFIX: &str = "feature:";

/// Which stored feature, and which of its formulas, an expression was taken from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, JsonSchema)]
#[schemars(deny_unknown_fields)]
pub struct FeatureOrigin {
    /// UUID of the feature.
    #[schemars(length(min = 36, max = 36))]
    pub id: String,
    #[schemars(range(min = 1))]
    pub version: u32,
}

impl FeatureOrigin {
    pub(super) fn read(mut reader: Reader<'_>) -> Self {
        let id = reader.text(&["id"]).map_or_else(String::new, |(_, id)| id.to_owned());
        if !reader.gave("id") {
            reader.fault("id", FaultCode::Required, "is absent; give the feature's id");
        } else if id.parse::<alphafleet_domain::FeatureId>().is_err() {
            reader.fault("id", FaultCode::WrongType, "is not the id of a feature: give a UUID");
        }
        let version = reader.whole(&["version"], 1..=u32::MAX, 1);
        reader.finish();
        Self { id, version }
    }
}

/// The name in `feature:NAME`.
pub(super) fn referenced(text: &str) -> Option<&str> {
    text.trim().strip_prefix(PREFIX).map(str::trim)
}

/// A feature that is still to be looked up.
pub(super) fn reference(reader: &Reader<'_>, field: &str, name: &str) -> Option<Feature> {
    if let Some(message) = feature_name_fault(name) {
        reader.fault(field, FaultCode::OutOfRange, message);
        return None;
    }
    Some(Feature { name: name.to_owned(), expression: format!("{PREFIX}{name}"), feature: None })
}

impl Features {
    /// Names of stored features that are still to be looked up.
    pub fn references(&self) -> Vec<String> {
        let names = self.expressions.iter().filter_map(|one| referenced(&one.expression));
        names.map(str::to_owned).collect()
    }

    /// Every feature with its formula: the set's first, then the person's own.
    ///
    /// # Errors
    /// A formula that is none, e.g. a name that was not looked up.
    pub fn formulas(&self) -> Result<Vec<(String, Formula)>, Faults> {
        let set = self.set.map(super::FeatureSet::sources).unwrap_or_default();
        let own = self.expressions.iter().map(|one| (one.name.clone(), one.expression.clone()));
        let checked = set.into_iter().chain(own).map(|(name, source)| {
            let formula = Formula::parse(&name, &source)?;
            Ok((name, formula))
        });
        checked.collect()
    }

    /// Puts the formulas of stored features in the place of their names, and says which they were.
    ///
    /// # Errors
    /// A fault for each name that is not among `stored`; `path` is that of the features.
    pub fn resolve(&mut self, path: &str, stored: &[Stored]) -> Result<(), Faults> {
        let mut faults = Vec::new();
        for (at, one) in self.expressions.iter_mut().enumerate() {
            let Some(name) = referenced(&one.expression) else { continue };
            match stored.iter().find(|stored| stored.draft.name == name) {
                Some(stored) => {
                    one.expression.clone_from(&stored.draft.formula);
                    let (id, version) = (stored.id.to_string(), stored.version);
                    one.feature = Some(FeatureOrigin { id, version });
                }
                None => faults.push(Fault::new(
                    format!("{path}.expressions[{at}]"),
                    FaultCode::UnknownValue,
                    format!("you have no feature called {name:?}; create it first"),
                )),
            }
        }
        if faults.is_empty() { Ok(()) } else { Err(Faults(faults)) }
    }
}
