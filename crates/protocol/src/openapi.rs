use serde_json::{Map, Value, json};

use crate::operations::{Access, Body, OPERATIONS, Operation, Parameter};
use crate::schema::schemas;

/// The OpenAPI 3.1 document of the HTTP API.
pub fn openapi() -> Value {
    let mut paths = Map::new();
    for operation in OPERATIONS {
        let path = paths.entry(operation.path).or_insert_with(|| json!({}));
        path[operation.method.as_str()] = describe(operation);
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "Alphafleet",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "Quantitative trading research on a fleet of workers. Errors are \
                problem documents (RFC 9457) with a stable `code`; someone else's object is 404.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "paths": paths,
        "components": {
            "schemas": schemas("#/components/schemas/"),
            "securitySchemes": {
                "bearer": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" },
            },
        },
    })
}

fn describe(operation: &Operation) -> Value {
    let names = path_parameters(operation.path);
    let mut parameters: Vec<Value> =
        names.map(|name| path_parameter(operation.tag, name)).collect();
    parameters.extend(operation.parameters.iter().map(parameter));
    let mut description = json!({
        "operationId": operation_id(operation),
        "tags": [operation.tag],
        "summary": operation.summary,
        "security": security(operation.access),
        "parameters": parameters,
        "responses": responses(operation),
    });
    if let Access::Permission(permission) = operation.access {
        description["x-permission"] = json!(permission);
    }
    if operation.request != Body::None {
        description["requestBody"] =
            json!({ "required": true, "content": content(operation.request) });
    }
    description
}

fn operation_id(operation: &Operation) -> String {
    let path = operation.path.trim_start_matches("/api/v1").replace(['{', '}'], "");
    let words = path.split(['/', '.', '-']).filter(|word| !word.is_empty());
    std::iter::once(operation.method.as_str()).chain(words).collect::<Vec<_>>().join("_")
}

fn path_parameters(path: &str) -> impl Iterator<Item = &str> {
    path.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
}

fn path_parameter(tag: &str, name: &str) -> Value {
    let schema = match name {
        "id" if tag == "remote" => {
            json!({ "type": "string", "pattern": "^(task-)?[0-9a-f-]{36}$" })
        }
        // An instrument's code, or the id of a feature.
        "id" if tag == "feature-values" => json!({ "type": "string" }),
        "id" => json!({ "type": "string", "format": "uuid" }),
        _ => json!({ "type": "string" }),
    };
    json!({ "name": name, "in": "path", "required": true, "schema": schema })
}

fn parameter(parameter: &Parameter) -> Value {
    json!({
        "name": parameter.name,
        "in": parameter.place,
        "required": parameter.required,
        "description": parameter.help,
        "schema": { "type": "string" },
    })
}

fn security(access: Access) -> Value {
    match access {
        Access::Public | Access::Socket => json!([]),
        Access::User | Access::Permission(_) => json!([{ "bearer": [] }]),
    }
}

fn responses(operation: &Operation) -> Value {
    let mut success = json!({ "description": "Done" });
    if operation.response != Body::None {
        success["content"] = content(operation.response);
    }
    let problem = json!({
        "description": "What went wrong",
        "content": {
            "application/problem+json": { "schema": { "$ref": "#/components/schemas/Problem" } },
        },
    });
    json!({ operation.status.to_string(): success, "default": problem })
}

fn content(body: Body) -> Value {
    match body {
        Body::None => json!({}),
        Body::Json(schema) => json!({
            "application/json": {
                "schema": { "$ref": format!("#/components/schemas/{schema}") },
            },
        }),
        Body::Bytes(media) => {
            json!({ media: { "schema": { "type": "string", "format": "binary" } } })
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    fn references(value: &Value, found: &mut Vec<String>) {
        match value {
            Value::Object(map) => {
                if let Some(Value::String(target)) = map.get("$ref") {
                    found.push(target.clone());
                }
                map.values().for_each(|value| references(value, found));
            }
            Value::Array(items) => items.iter().for_each(|value| references(value, found)),
            _ => {}
        }
    }

    #[test]
    fn every_reference_has_its_schema() {
        let document = openapi();
        let mut found = Vec::new();
        references(&document, &mut found);
        assert!(found.len() > 50);
        for target in found {
            let pointer = target.strip_prefix('#').unwrap();
            assert!(document.pointer(pointer).is_some(), "{target} is not defined");
        }
    }

    #[test]
    fn operation_ids_are_unique() {
        let mut ids: Vec<_> = OPERATIONS.iter().map(operation_id).collect();
        ids.sort();
        let count = ids.len();
        ids.dedup();
        assert_eq!(ids.len(), count);
    }
}
