#![allow(clippy::unwrap_used, clippy::expect_used)]

use alphafleet_specs::{FaultCode, Faults, ModelSpec, Segments, TrainingSpec, templates};
use proptest::prelude::*;
use serde_json::{Value, json};

fn faults(document: &Value) -> Vec<(String, FaultCode)> {
    match TrainingSpec::from_value(document) {
        Ok(spec) => panic!("accepted: {spec:?}"),
        Err(Faults(faults)) => {
            assert!(faults.iter().all(|fault| !fault.message.is_empty()));
            faults.into_iter().map(|fault| (fault.field, fault.code)).collect()
        }
    }
}

#[test]
fn everything_but_the_dataset_has_a_default() {
    let spec = TrainingSpec::from_value(&json!({"dataset": {"name": "sp500"}})).unwrap();
    assert_eq!(spec.model, ModelSpec::default());
    assert_eq!(
        spec.to_value(),
        json!({
            "dataset": {"name": "sp500"},
            "universe": {},
            "adjustment": "backward",
            "features": {"set": "alpha158"},
            "label": {"expression": "Ref($close, -2)/Ref($close, -1) - 1"},
            "segments": {"split": {"train": 0.6, "valid": 0.2, "test": 0.2}},
            "purge": true,
            "processors": {
                "infer": [],
                "learn": [{"type": "dropna_label"}, {"type": "cs_zscore_norm", "fields": "label"}],
            },
            "model": {
                "type": "lightgbm", "rounds": 1000, "early_stopping_rounds": 50,
                "learning_rate": 0.05, "num_leaves": 210, "max_depth": -1,
                "min_child_samples": 20, "min_child_weight": 0.001, "min_split_gain": 0.0,
                "feature_fraction": 0.85, "bagging_fraction": 0.85, "bagging_freq": 5,
                "lambda_l1": 0.0, "lambda_l2": 0.0, "max_bin": 255, "loss": "mse",
            },
            "threads": 0,
            "outputs": {"features": false},
            "limits": {},
            "checkpoint_every_rounds": 50,
        })
    );
}

#[test]
fn a_linear_model_has_processors_of_its_own() {
    let document = json!({"dataset": "d", "model": {"type": "qlib_linear"}});
    let spec = TrainingSpec::from_value(&document).unwrap().to_value();
    assert_eq!(spec["model"], json!({"type": "linear", "estimator": "ridge", "alpha": 1.0}));
    assert_eq!(
        spec["processors"],
        json!({
            "infer": [
                {"type": "robust_zscore_norm", "clip": true},
                {"type": "fillna", "value": 0.0},
            ],
            "learn": [{"type": "dropna_label"}, {"type": "cs_rank_norm", "fields": "label"}],
        })
    );
}

#[test]
fn one_fault_at_a_time() {
    use FaultCode::*;
    let alike = |patch: Value| {
        let mut document = json!({"dataset": "d"});
        document.as_object_mut().unwrap().extend(patch.as_object().unwrap().clone());
        document
    };
    let table: Vec<(Value, &str, FaultCode)> = vec![
        (json!({}), "dataset", Required),
        (json!({"dataset": {"name": " "}}), "dataset.name", Empty),
        (json!({"dataset": ""}), "dataset", Empty),
        (json!({"dataset": {}}), "dataset.name", Required),
        (json!({"dataset": 7}), "dataset", WrongType),
        (json!([1]), "$", WrongType),
        (alike(json!({"modle": {}})), "modle", UnknownField),
        (alike(json!({"model": {"type": "qlibx"}})), "model.type", UnknownValue),
        (alike(json!({"model": {"rounds": 5}})), "model.type", Required),
        (alike(json!({"model": {"type": "lightgbm", "epochs": -1}})), "model.epochs", OutOfRange),
        (alike(json!({"model": {"type": "lightgbm", "epochs": 1.5}})), "model.epochs", WrongType),
        (alike(json!({"model": {"type": "lgbm", "rounds": "ten"}})), "model.rounds", WrongType),
        (
            alike(json!({"model": {"type": "lgbm", "rounds": 1, "n_estimators": 2}})),
            "model.n_estimators",
            Conflict,
        ),
        (
            alike(json!({"model": {"type": "lgbm", "learning_rate": 0}})),
            "model.learning_rate",
            OutOfRange,
        ),
        (
            alike(json!({"model": {"type": "lgbm", "batch_size": 9}})),
            "model.batch_size",
            NotSupported,
        ),
        (alike(json!({"model": {"type": "linear", "epochs": 9}})), "model.epochs", NotSupported),
        (alike(json!({"model": {"type": "lgbm", "loss": "mae"}})), "model.loss", UnknownValue),
        (alike(json!({"model": {"type": "lgbm", "preset": "x"}})), "model.preset", UnknownValue),
        (alike(json!({"label": "Ref($close, -2"})), "label", InvalidExpression),
        (alike(json!({"features": {"expressions": []}})), "features.expressions", Empty),
        (
            alike(json!({"features": {"expressions": ["$close", "Foo($close)"]}})),
            "features.expressions[1]",
            InvalidExpression,
        ),
        (
            alike(json!({"features": {"expressions": [
                {"name": "tomorrow", "expression": "Ref($close, -1)/$close"}]}})),
            "features.expressions[0].expression",
            LookAhead,
        ),
        (
            alike(json!({"features": {"expressions": ["$close", "$close"]}})),
            "features.expressions[1]",
            Conflict,
        ),
        (
            alike(json!({"segments": {
                "train": ["2011-01-03", "2016-09-30"], "valid": ["2016-09-30", "2018-04-13"],
                "test": ["2018-04-16", "2020-07-30"]}})),
            "segments.valid",
            InvalidSegments,
        ),
        (
            alike(json!({"segments": {
                "train": ["2011-01-03", "2010-09-30"], "valid": ["2016-10-03", "2018-04-13"],
                "test": ["2018-04-16", "2020-07-30"]}})),
            "segments.train",
            InvalidSegments,
        ),
        (
            alike(json!({"segments": {"train": ["2011-01-03", "2012-09-31"],
                "valid": ["2016-10-03", "2018-04-13"], "test": ["2018-04-16", "2020-07-30"]}})),
            "segments.train[1]",
            WrongType,
        ),
        (
            alike(json!({"segments": {"split": {"train": 0.9}}})),
            "segments.split.train",
            InvalidSegments,
        ),
        (
            alike(json!({"processors": {"infer": ["cs_zscore_nrm"]}})),
            "processors.infer[0]",
            UnknownValue,
        ),
        (alike(json!({"processors": {"infer": ["DropnaLabel"]}})), "processors.infer[0]", Conflict),
        (alike(json!({"seed": -1})), "seed", OutOfRange),
        (alike(json!({"threads": 1e9})), "threads", OutOfRange),
        (alike(json!({"purge": "yes"})), "purge", WrongType),
        (alike(json!({"limits": {"soft_s": 9, "hard_s": 3}})), "limits.soft_s", Conflict),
        (alike(json!({"adjustment": "sideways"})), "adjustment", UnknownValue),
    ];
    for (document, field, code) in table {
        assert_eq!(faults(&document), [(field.to_owned(), code)], "{document}");
    }
}

#[test]
fn all_faults_are_found_at_once() {
    let document = json!({
        "dataset": {"name": ""},
        "model": {"type": "lightgbm", "rounds": -1, "num_leafs": 3, "learning_rate": 2},
        "seed": "lucky",
        "segments": {"split": {"train": -0.1}},
    });
    let found: Vec<String> = faults(&document).into_iter().map(|(field, _)| field).collect();
    for field in ["dataset.name", "model.rounds", "model.num_leafs", "model.learning_rate", "seed"]
    {
        assert!(found.iter().any(|found| found == field), "{field} in {found:?}");
    }
}

#[test]
fn messages_hold_the_remedy() {
    let table = [
        (json!({"dataset": "d", "model": {"type": "lgbm", "num_leafs": 3}}), "num_leaves"),
        (json!({"dataset": "d", "model": {"type": "xgboost"}}), "lightgbm, linear"),
        (json!({"dataset": "d", "model": {"type": "ligthgbm"}}), "did you mean lightgbm"),
        (json!({"dataset": "d", "modle": {}}), "did you mean model?"),
        (json!({"dataset": "d", "model": {"type": "lgbm", "rounds": 0}}), "from 1 to 100000"),
    ];
    for (document, expected) in table {
        let error = TrainingSpec::from_value(&document).unwrap_err().to_string();
        assert!(error.contains(expected), "{expected:?} in {error:?}");
    }
}

#[test]
fn aliases_presets_and_toml() {
    let toml = r#"
        dataset = "cn"
        [model]
        type = "qlib_lightgbm"
        preset = "qlib_alpha158"
        num_boost_round = 300
        reg_alpha = 1
        [segments]
        train = [2011-01-03, 2016-09-30]
        valid = { start = "2016-10-03", end = 2018-04-13 }
        test = [2018-04-16, 2020-07-30]
    "#;
    let spec = TrainingSpec::from_toml(toml).unwrap();
    let ModelSpec::LightGbm(params) = &spec.model else { panic!("{:?}", spec.model) };
    assert_eq!((params.rounds, params.bagging_freq, params.max_depth), (300, 0, 8));
    assert_eq!((params.learning_rate, params.lambda_l1, params.lambda_l2), (0.2, 1.0, 580.9768));
    let Segments::Dates { test, .. } = spec.segments else { panic!("{:?}", spec.segments) };
    assert_eq!(test.end.to_string(), "2020-07-30");
}

#[test]
fn text_that_is_no_document_is_a_fault() {
    for broken in [TrainingSpec::from_json("{"), TrainingSpec::from_toml("a = = b")] {
        assert_eq!(broken.unwrap_err().0[0].code, FaultCode::Malformed);
    }
}

/// The bounds the schema states are the bounds the reader enforces.
#[test]
fn schema_and_reader_agree() {
    let schema = schemars::schema_for!(alphafleet_specs::LightGbmParams).to_value();
    let properties = schema["properties"].as_object().unwrap();
    let accepts = |name: &str, value: Value| {
        let mut model = json!({"type": "lightgbm"});
        model[name] = value;
        TrainingSpec::from_value(&json!({"dataset": "d", "model": model})).is_ok()
    };
    let mut bounds = 0;
    for (name, property) in properties {
        let number = |key: &str| property.get(key).and_then(Value::as_f64);
        if let Some(min) = number("minimum") {
            assert!(accepts(name, json!(min)) && !accepts(name, json!(min - 1.0)), "{name} {min}");
            bounds += 1;
        }
        if let Some(min) = number("exclusiveMinimum") {
            assert!(!accepts(name, json!(min)) && accepts(name, json!(min + 0.01)), "{name}");
            bounds += 1;
        }
        if let Some(max) = number("maximum") {
            assert!(accepts(name, json!(max)) && !accepts(name, json!(max + 1.0)), "{name} {max}");
            bounds += 1;
        }
        assert!(property.get("description").is_some(), "{name} has no help");
        assert!(property.get("default").is_some() || name == "loss", "{name} has no default");
    }
    assert!(bounds >= 20, "only {bounds} bounds looked at");
}

#[test]
fn templates_are_complete() {
    let models = templates().into_iter().filter(|one| one.configuration.get("model").is_some());
    for template in models {
        let mut document = template.configuration.clone();
        document["dataset"] = json!({"name": "d"});
        let spec = TrainingSpec::from_value(&document).unwrap().to_value();
        for (section, value) in template.configuration.as_object().unwrap() {
            assert_eq!(&spec[section], value, "{} {section}", template.name);
        }
    }
}

fn documents() -> impl Strategy<Value = Value> {
    let model = prop_oneof![
        (1u32..5000, 0.001f64..=1.0, 2u32..1000, -1i32..20, 0.0f64..1e6).prop_map(
            |(rounds, rate, leaves, depth, l1)| json!({
                "type": "lgbm", "n_estimators": rounds, "eta": rate, "num_leaves": leaves,
                "max_depth": depth, "reg_alpha": l1,
            })
        ),
        (any::<bool>(), 0.0f64..1e9).prop_map(|(ols, alpha)| json!({
            "type": if ols { "ols" } else { "linear" }, "alpha": alpha,
        })),
    ];
    let segments = prop_oneof![
        Just(json!({})),
        (1u32..80).prop_map(|train| {
            let train = f64::from(train) / 100.0;
            json!({"split": {"train": train, "valid": 0.1, "test": 0.9 - train}})
        }),
        (2000u32..2010).prop_map(|year| json!({
            "train": [format!("{year}-01-01"), format!("{year}-12-31")],
            "valid": [format!("{}-01-01", year + 1), format!("{}-12-31", year + 1)],
            "test": [format!("{}-01-01", year + 2), format!("{}-12-31", year + 2)],
        })),
    ];
    let limits = prop::option::of(1u32..1000);
    ("[a-z][a-z0-9 _.-]{0,20}[a-z]", model, segments, 0u32..=2_147_483_647, any::<bool>(), limits)
        .prop_map(|(name, model, segments, seed, flag, limit)| {
            json!({
                "dataset": {"name": name}, "model": model, "segments": segments, "seed": seed,
                "purge": flag, "outputs": {"features": flag}, "limits": {"soft_s": limit},
                "features": if flag { json!({"expressions": ["$close/Ref($close, 1)"]}) }
                    else { json!({"set": "alpha158"}) },
            })
        })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    /// The canonical form of a canonical form is itself.
    #[test]
    fn canonical_form_round_trips(document in documents()) {
        let spec = TrainingSpec::from_value(&document).unwrap();
        let text = spec.to_canonical_json();
        let again = TrainingSpec::from_json(&text).unwrap();
        prop_assert_eq!(&again, &spec);
        prop_assert_eq!(again.to_canonical_json(), text);
        let through_serde: TrainingSpec = serde_json::from_str(&spec.to_canonical_json()).unwrap();
        prop_assert_eq!(through_serde, spec);
    }

    /// No document makes the reader panic.
    #[test]
    fn any_json_is_read(key in "[a-z_.]{0,12}", number in any::<f64>(), text in ".{0,40}") {
        for value in [json!(number), json!(text), json!([number]), json!({&key: text})] {
            for section in ["dataset", "model", "features", "label", "segments", "processors",
                            "limits", "seed", "adjustment"] {
                let _ = TrainingSpec::from_value(&json!({"dataset": "d", section: value, &key: 1}));
            }
            let label = json!({"dataset": "d", "label": value});
            let _ = TrainingSpec::from_value(&label);
        }
    }
}

#[test]
fn a_universe_includes_or_excludes() {
    let universe = |universe: Value| json!({"dataset": "d", "universe": universe});
    let spec = TrainingSpec::from_value(&universe(json!({"exclude": ["INDEX"]}))).unwrap();
    assert!(spec.universe.contains("A") && !spec.universe.contains("INDEX"));
    let spec = TrainingSpec::from_value(&universe(json!({"include": ["A"]}))).unwrap();
    assert!(spec.universe.contains("A") && !spec.universe.contains("B"));
    let both = universe(json!({"include": ["A"], "exclude": ["A"]}));
    assert_eq!(faults(&both), [("universe.exclude".to_owned(), FaultCode::Conflict)]);
    let number = universe(json!({"exclude": [1]}));
    assert_eq!(faults(&number), [("universe.exclude[0]".to_owned(), FaultCode::WrongType)]);
}

#[test]
fn a_field_tells_who_belongs_to_a_universe_when() {
    let universe = |members: Value| json!({"dataset": "d", "universe": { "members": members }});
    for text in ["sp500", "$sp500"] {
        let spec = TrainingSpec::from_value(&universe(json!(text))).unwrap();
        assert_eq!(spec.to_value()["universe"], json!({ "members": "sp500" }));
        let columns =
            |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>();
        assert_eq!(spec.universe.check_members("universe", &columns(&["close", "sp500"])), Ok(()));
        let lacks = spec.universe.check_members("parameters.universe", &columns(&["close"]));
        let fault = &lacks.unwrap_err().0[0];
        assert_eq!(
            (fault.field.as_str(), fault.code),
            ("parameters.universe.members", FaultCode::UnknownValue)
        );
        assert!(fault.message.contains("$sp500") && fault.message.contains("$close"));
    }
    let long = "m".repeat(129);
    for (wrong, code) in [
        (json!(7), FaultCode::WrongType),
        (json!("$"), FaultCode::OutOfRange),
        (json!(long), FaultCode::OutOfRange),
    ] {
        assert_eq!(faults(&universe(wrong)), [("universe.members".to_owned(), code)]);
    }
}

#[test]
fn names_of_features_fit_beside_the_other_columns() {
    use FaultCode::*;
    let features = |set: bool, name: &str| {
        let list = json!(["$open", {"name": name, "expression": "$close"}]);
        let mut features = json!({"expressions": list});
        if set {
            features["set"] = json!("alpha158");
        }
        json!({"dataset": "d", "features": features})
    };
    let field = "features.expressions[1].name".to_owned();
    let (longest, long) = ("ü".repeat(128), "x".repeat(129));
    for (set, name, expected) in [
        (false, "KMID", None),
        (true, "mine", None),
        (false, longest.as_str(), None),
        (false, long.as_str(), Some(OutOfRange)),
        (false, "a\u{7}b", Some(OutOfRange)),
        (false, " ", Some(Empty)),
        (false, "LABEL0", Some(Conflict)),
        (false, "instrument", Some(Conflict)),
        (false, " datetime ", Some(Conflict)),
        (true, "KMID", Some(Conflict)),
        (true, "VSUMD60", Some(Conflict)),
    ] {
        let document = features(set, name);
        match expected {
            None => assert!(TrainingSpec::from_value(&document).is_ok(), "{name}"),
            Some(code) => assert_eq!(faults(&document), [(field.clone(), code)], "{name}"),
        }
    }
    // An expression is a name, however long, in the canonical form too.
    let expression = format!("$close{}", "+$open".repeat(40));
    let document = json!({"dataset": "d", "features": {"expressions": [expression]}});
    let spec = TrainingSpec::from_value(&document).unwrap();
    assert_eq!(TrainingSpec::from_value(&spec.to_value()).unwrap(), spec);
}
