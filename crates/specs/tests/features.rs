#![allow(clippy::unwrap_used, clippy::expect_used)]

use alphafleet_domain::{
    Clock, Feature, FeatureDraft, FeatureId, FeatureKind, SystemClock, UserId,
};
use alphafleet_factors::Members;
use alphafleet_specs::{
    FactorEvaluationSpec, FaultCode, Faults, FeatureComputationSpec, Formula, TrainingSpec,
};
use serde_json::{Value, json};

fn stored(name: &str, formula: &str, version: u32) -> Feature {
    let at = SystemClock.now();
    let draft = FeatureDraft {
        name: name.to_owned(),
        kind: FeatureKind::Expression,
        formula: formula.to_owned(),
        fields: Vec::new(),
        description: String::new(),
        tags: Vec::new(),
        frequency: "day".to_owned(),
        dataset: None,
        auto_compute: false,
    };
    let (id, owner) = (FeatureId::new(), UserId::new());
    Feature { id, owner, draft, version, created_at: at, updated_at: at }
}

fn faults(refused: &Faults) -> Vec<(&str, FaultCode)> {
    refused.iter().map(|fault| (fault.field.as_str(), fault.code)).collect()
}

#[test]
fn a_formula_says_what_it_reads() {
    let formula = Formula::parse("formula", " Mean($close,5) / Ref($open, 3) ").unwrap();
    assert_eq!(formula.fields, ["close", "open"]);
    assert_eq!((formula.look_back, formula.look_ahead), (Some(4), 0));
    let again = Formula::parse("formula", &formula.canonical).unwrap();
    assert_eq!(again.canonical, formula.canonical);
    assert_eq!(Formula::parse("formula", "EMA($close, 5)").unwrap().look_back, None);
}

#[test]
fn a_bad_formula_points_at_the_character() {
    for (text, code, at) in [
        ("Mean($close, 5", FaultCode::InvalidExpression, Some(14)),
        ("$close + Maen($open, 5)", FaultCode::InvalidExpression, Some(9)),
        ("Ref($close, -1)", FaultCode::LookAhead, None),
        ("  ", FaultCode::Empty, None),
    ] {
        let refused = Formula::parse("formula", text).unwrap_err();
        let fault = &refused.0[0];
        assert_eq!((fault.field.as_str(), fault.code, fault.at), ("formula", code, at), "{text}");
    }
}

#[test]
fn a_computation_is_complete_and_round_trips() {
    let document = json!({
        "dataset": "market",
        "features": { "set": "alpha158", "expressions": ["$close/$open", "feature:mine"] },
        "range": ["2020-01-01", "2020-12-31"],
    });
    let mut spec = FeatureComputationSpec::from_value(&document).unwrap();
    assert_eq!(spec.features.references(), ["mine"]);
    let mine = stored("mine", "$high/$low", 3);
    spec.features.resolve("features", std::slice::from_ref(&mine)).unwrap();
    let written = spec.to_value();
    assert_eq!(
        written["features"]["expressions"][1],
        json!({
            "name": "mine", "expression": "$high/$low",
            "feature": { "id": mine.id.to_string(), "version": 3 },
        })
    );
    assert_eq!(written["range"], json!({ "start": "2020-01-01", "end": "2020-12-31" }));
    assert_eq!(FeatureComputationSpec::from_value(&written).unwrap(), spec);
}

#[test]
fn mistakes_are_named() {
    let table: Vec<(Value, &str, FaultCode)> = vec![
        (json!({}), "dataset", FaultCode::Required),
        (json!({ "dataset": "m", "x": 1 }), "x", FaultCode::UnknownField),
        (
            json!({ "dataset": "m", "features": { "expressions": ["feature:a b"] } }),
            "features.expressions[0]",
            FaultCode::OutOfRange,
        ),
        (
            json!({ "dataset": "m", "features": { "set": "alpha158", "expressions": ["feature:KMID"] } }),
            "features.expressions[0].name",
            FaultCode::Conflict,
        ),
        (
            json!({ "dataset": "m", "range": { "start": "2020-02-01", "end": "2020-01-01" } }),
            "range",
            FaultCode::InvalidSegments,
        ),
    ];
    for (document, field, code) in table {
        let refused = FeatureComputationSpec::from_value(&document).unwrap_err();
        assert!(faults(&refused).contains(&(field, code)), "{document}: {refused}");
    }
}

#[test]
fn a_feature_that_is_not_there_is_named() {
    let document =
        json!({ "dataset": "m", "features": { "expressions": ["$close", "feature:x"] } });
    let mut spec = TrainingSpec::from_value(&document).unwrap();
    let refused = spec.features.resolve("features", &[stored("y", "$close", 1)]).unwrap_err();
    assert_eq!(faults(&refused), [("features.expressions[1]", FaultCode::UnknownValue)]);
}

#[test]
fn an_evaluation_has_horizons_and_quantiles() {
    let spec = FactorEvaluationSpec::from_value(&json!({ "dataset": "m" })).unwrap();
    assert_eq!((spec.horizons.as_slice(), spec.quantiles), (&[1, 2, 5, 10, 20][..], 5));
    let document = json!({ "dataset": "m", "horizons": [5, 1, 5], "quantiles": 10 });
    let spec = FactorEvaluationSpec::from_value(&document).unwrap();
    assert_eq!(spec.horizons, [5, 1]);
    assert_eq!(FactorEvaluationSpec::from_value(&spec.to_value()).unwrap(), spec);
    for (document, field) in [
        (json!({ "dataset": "m", "horizons": [0] }), "horizons"),
        (json!({ "dataset": "m", "horizons": [] }), "horizons"),
        (json!({ "dataset": "m", "quantiles": 1 }), "quantiles"),
        (json!({ "dataset": "m", "periods_per_year": 0 }), "periods_per_year"),
    ] {
        let refused = FactorEvaluationSpec::from_value(&document).unwrap_err();
        assert_eq!(faults(&refused), [(field, FaultCode::OutOfRange)]);
    }
}

#[test]
fn an_evaluation_names_its_universes_and_prices() {
    let document = json!({
        "dataset": "m", "price": "$open", "periods_per_year": 365, "group_field": "sector",
        "universes": [
            { "name": "two", "members": { "instruments": ["A", "B"] } },
            { "name": "index", "members": { "field": "$member" } },
        ],
        "series": false,
    });
    let spec = FactorEvaluationSpec::from_value(&document).unwrap();
    assert_eq!(FactorEvaluationSpec::from_value(&spec.to_value()).unwrap(), spec);
    let options = spec.options();
    assert_eq!((options.price.as_str(), options.periods_per_year), ("open", 365.0));
    assert_eq!(options.universes[1].members, Members::Field("member".to_owned()));
    assert_eq!((options.group_field.as_deref(), options.bar_series), (Some("sector"), false));
    let universe = |members: Value| json!([{ "name": "u", "members": members }]);
    for (universes, field, code) in [
        (universe(json!({})), "universes[0].members", FaultCode::Required),
        (
            universe(json!({ "field": "f", "instruments": ["A"] })),
            "universes[0].members",
            FaultCode::Conflict,
        ),
        (
            universe(json!({ "instruments": [7] })),
            "universes[0].members.instruments[0]",
            FaultCode::WrongType,
        ),
        (json!([{ "name": "u" }]), "universes[0].members", FaultCode::Required),
        (json!([{ "members": { "field": "f" } }]), "universes[0].name", FaultCode::Required),
        (json!([7]), "universes[0]", FaultCode::WrongType),
        (
            json!([spec.to_value()["universes"][0], spec.to_value()["universes"][0]]),
            "universes[1].name",
            FaultCode::Conflict,
        ),
    ] {
        let document = json!({ "dataset": "m", "universes": universes });
        let refused = FactorEvaluationSpec::from_value(&document).unwrap_err();
        assert!(faults(&refused).contains(&(field, code)), "{document}: {refused}");
    }
}

#[test]
fn an_evaluation_judges_so_many_features_and_no_more() {
    let own = |count: usize| -> Vec<Value> {
        let feature = |at| json!({ "name": format!("f{at}"), "expression": "$close" });
        (0..count).map(feature).collect()
    };
    let document = |count| {
        let features = json!({ "set": "alpha158", "expressions": own(count) });
        FactorEvaluationSpec::from_value(&json!({ "dataset": "m", "features": features }))
    };
    document(2_000 - 158).unwrap();
    let refused = document(2_001 - 158).unwrap_err();
    assert_eq!(faults(&refused), [("features", FaultCode::OutOfRange)]);
}

#[test]
fn an_evaluation_takes_all_days() {
    let document = json!({ "dataset": "m", "range": ["2020-01-01", "2020-12-31"] });
    let refused = FactorEvaluationSpec::from_value(&document).unwrap_err();
    assert_eq!(faults(&refused), [("range", FaultCode::NotSupported)]);
}
