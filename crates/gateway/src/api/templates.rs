use alphafleet_protocol::api::{ModelType, ModelTypeList, TemplateList, TemplateView};
use serde_json::{Value, json};

use super::ok;
use crate::access::Authenticated;
use crate::request::Answer;

pub(crate) async fn list(_: Authenticated) -> Answer {
    let templates = alphafleet_specs::templates();
    let items = templates.into_iter().map(|template| TemplateView {
        name: template.name.to_owned(),
        description: format!("{}: {}", template.title, template.description),
        config: template.configuration,
    });
    Ok(ok(TemplateList { items: items.collect() }))
}

pub(crate) async fn model_types(_: Authenticated) -> Answer {
    let schema = alphafleet_specs::TrainingSpec::json_schema();
    let items = alphafleet_specs::ModelType::ALL.map(|model| ModelType {
        name: model.name().to_owned(),
        aliases: aliases(model),
        parameters: parameters(&schema, model.name()),
    });
    Ok(ok(ModelTypeList { items: items.into() }))
}

/// Names people know the model by; each is tried, so none is listed that does not work.
fn aliases(model: alphafleet_specs::ModelType) -> Vec<String> {
    const KNOWN: [&str; 8] =
        ["lgbm", "lgb", "qlib_lightgbm", "qlib_lgbm", "ridge", "ols", "qlib_linear", "linearmodel"];
    let names =
        KNOWN.into_iter().filter(|name| alphafleet_specs::ModelType::parse(name) == Some(model));
    names.map(str::to_owned).collect()
}

/// The model's own schema inside that of a whole training document.
fn parameters(schema: &Value, model: &str) -> Value {
    let models = schema.pointer("/$defs/ModelSpec/oneOf").and_then(Value::as_array);
    let own = models.into_iter().flatten().find(|candidate| {
        candidate.pointer("/properties/type/const").and_then(Value::as_str) == Some(model)
    });
    let Some(mut own) = own.cloned() else { return json!({ "type": "object" }) };
    let reference = own.get("$ref").and_then(Value::as_str).map(str::to_owned);
    let target = reference.and_then(|path| schema.pointer(path.trim_start_matches('#')));
    if let (Some(target), Some(fields)) = (target.and_then(Value::as_object), own.as_object_mut()) {
        fields.remove("$ref");
        for (name, value) in target {
            match (fields.get_mut(name), value) {
                (Some(Value::Object(mine)), Value::Object(theirs)) => {
                    mine.extend(theirs.iter().map(|(name, value)| (name.clone(), value.clone())));
                }
                _ => {
                    fields.insert(name.clone(), value.clone());
                }
            }
        }
    }
    if let Some(definitions) = schema.get("$defs") {
        own["$defs"] = definitions.clone();
    }
    own
}
