#![allow(clippy::unwrap_used, clippy::expect_used)]

use alphafleet_specs::{
    FaultCode, Faults, ModelSpec, StrategyConfig, TrainRequest, TrainingSpec, templates,
};
use serde_json::{Value, json};

fn strategy() -> StrategyConfig {
    StrategyConfig::from_value(&json!({
        "dataset": {"name": "own", "version": "v3"},
        "model": {"type": "lightgbm", "num_boost_round": 500, "num_leaves": 31},
        "processors": {"learn": ["dropna_label"]},
        "seed": 7,
    }))
    .unwrap()
}

fn lightgbm(spec: &TrainingSpec) -> &alphafleet_specs::LightGbmParams {
    match &spec.model {
        ModelSpec::LightGbm(params) => params,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_request_lies_over_the_strategy() {
    let body = json!({
        "dataset_name": "sp500", "epochs": 20, "learning_rate": 0.1, "batch_size": null,
        "parameters": {"colsample_bytree": 0.5, "seed": 9, "label": "Ref($close, -5)/$close - 1"},
    });
    let spec = TrainRequest::resolve(&body, Some(&strategy())).unwrap();
    let params = lightgbm(&spec);
    assert_eq!((params.rounds, params.num_leaves), (20, 31));
    assert_eq!((params.learning_rate, params.feature_fraction), (0.1, 0.5));
    assert_eq!(
        (spec.seed, spec.label.expression.as_str()),
        (Some(9), "Ref($close, -5)/$close - 1")
    );
    assert_eq!((spec.dataset.name.as_str(), spec.dataset.version), ("sp500", None));
}

#[test]
fn what_is_absent_comes_from_the_strategy_then_from_the_model() {
    let spec = TrainRequest::resolve(&json!({}), Some(&strategy())).unwrap();
    assert_eq!((lightgbm(&spec).rounds, lightgbm(&spec).early_stopping_rounds), (500, 50));
    assert_eq!((spec.dataset.name.as_str(), spec.dataset.version.as_deref()), ("own", Some("v3")));
    let bare = TrainRequest::resolve(&json!({"dataset_name": "d"}), None).unwrap();
    assert_eq!(lightgbm(&bare).rounds, 1000);
}

#[test]
fn another_model_brings_its_own_parameters_and_processors() {
    let body = json!({"agent_type": "ols"});
    let spec = TrainRequest::resolve(&body, Some(&strategy())).unwrap();
    assert_eq!(spec.to_value()["model"]["estimator"], "ols");
    assert_eq!(spec.processors.infer.len(), 2);
    let same = json!({"model_type": "qlib_lightgbm", "agent_type": "lgbm"});
    let spec = TrainRequest::resolve(&same, Some(&strategy())).unwrap();
    assert_eq!((lightgbm(&spec).rounds, spec.processors.learn.len()), (500, 1));
    let models = templates().into_iter().filter(|one| one.configuration.get("model").is_some());
    for template in models {
        let strategy = StrategyConfig::from_value(&template.configuration).unwrap();
        for model in ["lightgbm", "linear", "ols"] {
            let body = json!({"dataset_name": "d", "model_type": model});
            let spec = TrainRequest::resolve(&body, Some(&strategy)).unwrap();
            let expected = if model == "lightgbm" { "lightgbm" } else { "linear" };
            assert_eq!(spec.to_value()["model"]["type"], expected);
            assert_eq!(spec.processors.infer.is_empty(), expected == "lightgbm");
        }
    }
}

#[test]
fn faults_name_the_fields_of_the_body() {
    use FaultCode::*;
    let table: Vec<(Value, Vec<(&str, FaultCode)>)> = vec![
        (json!({"dataset_name": ""}), vec![("dataset_name", Empty)]),
        (json!({"dataset_name": "d", "epochs": -1}), vec![("epochs", OutOfRange)]),
        (json!({"dataset_name": "d", "epochs": "many"}), vec![("epochs", WrongType)]),
        (json!({"dataset_name": "d", "batch_size": 10}), vec![("batch_size", NotSupported)]),
        (json!({"dataset_name": "d", "model_type": "gpt"}), vec![("model_type", UnknownValue)]),
        (json!({"dataset_name": "d", "agent_type": "gpt"}), vec![("agent_type", UnknownValue)]),
        (
            json!({"dataset_name": "d", "model_type": "linear", "agent_type": "lightgbm"}),
            vec![("agent_type", Conflict)],
        ),
        (json!({"dataset_name": "d", "epoch": 3}), vec![("epoch", UnknownField)]),
        (
            json!({"dataset_name": "d", "parameters": {"num_leafs": 3}}),
            vec![("parameters.num_leafs", UnknownField)],
        ),
        (
            json!({"dataset_name": "d", "parameters": {"seed": -3}}),
            vec![("parameters.seed", OutOfRange)],
        ),
        (
            json!({"dataset_name": "d", "parameters": {"features": {"expressions": ["$clo("]}}}),
            vec![("parameters.features.expressions[0]", InvalidExpression)],
        ),
        (
            json!({"dataset_name": "d", "learning_rate": 0.1, "parameters": {"learning_rate": 0.2}}),
            vec![("parameters.learning_rate", Conflict)],
        ),
        (json!({"dataset_name": "d", "parameters": 3}), vec![("parameters", WrongType)]),
        (
            json!({"dataset_name": "d", "model_type": "linear", "epochs": 3}),
            vec![("epochs", NotSupported)],
        ),
        (json!("train"), vec![("$", WrongType)]),
        (json!({}), vec![("dataset_name", Required)]),
        (
            json!({"dataset_name": "", "epochs": -1, "model_type": "nope"}),
            vec![("dataset_name", Empty), ("model_type", UnknownValue)],
        ),
    ];
    for (body, expected) in table {
        let Faults(faults) = TrainRequest::resolve(&body, None).unwrap_err();
        let found: Vec<(&str, FaultCode)> =
            faults.iter().map(|fault| (fault.field.as_str(), fault.code)).collect();
        assert_eq!(found, expected, "{body}");
    }
}

#[test]
fn a_strategy_is_kept_as_written_and_checked_whole() {
    let document = json!({"model": {"type": "lgbm", "n_estimators": 5}});
    let strategy = StrategyConfig::from_value(&document).unwrap();
    assert_eq!(strategy.to_value(), document);
    let Faults(faults) = StrategyConfig::from_value(&json!({
        "model": {"type": "lgbm", "n_estimators": 0}, "colour": "red",
    }))
    .unwrap_err();
    let fields: Vec<&str> = faults.iter().map(|fault| fault.field.as_str()).collect();
    assert_eq!(fields, ["model.n_estimators", "colour"]);
}
