//! Named subsets of the instruments.

use std::collections::BTreeSet;

use alphafleet_factors::{MAX_UNIVERSES, Members, NamedUniverse};
use serde_json::Value;

use crate::FaultCode;
use crate::reader::Reader;
use crate::training::universe;

/// `universes`: a list of `{"name": …, "members": {"instruments": […]}}` or
/// `{"name": …, "members": {"field": …}}`.
pub(super) fn read(reader: &mut Reader<'_>) -> Vec<NamedUniverse> {
    let list = reader.list("universes").unwrap_or_default();
    if list.len() > MAX_UNIVERSES {
        let message = format!("{} universes; give at most {MAX_UNIVERSES}", list.len());
        reader.fault("universes", FaultCode::OutOfRange, message);
        return Vec::new();
    }
    let mut seen = BTreeSet::new();
    let mut universes = Vec::with_capacity(list.len());
    for (at, document) in list.iter().enumerate() {
        let field = format!("universes[{at}]");
        let Some(universe) = one(&reader.path_of(&field), document, reader) else { continue };
        if !seen.insert(universe.name.clone()) {
            let message = format!("{:?} is there twice", universe.name);
            reader.fault(&format!("{field}.name"), FaultCode::Conflict, message);
        }
        universes.push(universe);
    }
    universes
}

fn one(path: &str, document: &Value, outer: &Reader<'_>) -> Option<NamedUniverse> {
    let mut reader = Reader::open(path, document, outer.findings())?;
    let name = reader.text(&["name"]).map(|(_, name)| name.to_owned());
    if name.is_none() && !reader.gave("name") {
        reader.fault("name", FaultCode::Required, "give the universe a name");
    }
    let members = members(&mut reader);
    reader.finish();
    Some(NamedUniverse { name: name?, members: members? })
}

fn members(reader: &mut Reader<'_>) -> Option<Members> {
    let required = "say who belongs: {\"instruments\": […]} or {\"field\": …}";
    let Some(mut section) = reader.section("members") else {
        if !reader.gave("members") {
            reader.fault("members", FaultCode::Required, required);
        }
        return None;
    };
    let field = section.text(&["field"]).map(|(_, text)| text.trim_start_matches('$').to_owned());
    let list = section.list("instruments");
    let names = universe::instruments(&section, "instruments", list);
    let both = section.gave("field") && section.gave("instruments");
    let neither = !section.gave("field") && names.is_empty();
    section.finish();
    if both || neither {
        let code = if both { FaultCode::Conflict } else { FaultCode::Required };
        reader.fault("members", code, required);
        return None;
    }
    Some(field.map_or(Members::Instruments(names), Members::Field))
}
