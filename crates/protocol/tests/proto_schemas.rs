//! `proto-schemas/` holds what the types say. After a change of the types, write it anew:
//! `UPDATE_PROTO_SCHEMAS=1 cargo test -p alphafleet-protocol --test proto_schemas`.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use serde_json::{Value, json};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../proto-schemas")
}

fn generated() -> BTreeMap<String, String> {
    let pretty = |value: &Value| serde_json::to_string_pretty(value).unwrap() + "\n";
    let bundle = json!({
        "$schema": "https://json-schema.org/draft/2020-12/schema",
        "title": "Everything that travels",
        "$defs": alphafleet_protocol::schemas("#/$defs/"),
    });
    BTreeMap::from([
        ("openapi.json".to_owned(), pretty(&alphafleet_protocol::openapi())),
        ("schemas.json".to_owned(), pretty(&bundle)),
    ])
}

#[test]
fn files_hold_what_the_types_say() {
    let folder = folder();
    for (name, expected) in generated() {
        let file = folder.join(&name);
        if std::env::var_os("UPDATE_PROTO_SCHEMAS").is_some() {
            fs::create_dir_all(&folder).unwrap();
            fs::write(&file, &expected).unwrap();
        }
        let found = fs::read_to_string(&file).unwrap_or_default();
        assert!(found == expected, "proto-schemas/{name} differs from the types; see this file");
    }
}
