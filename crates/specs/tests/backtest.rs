#![allow(clippy::unwrap_used, clippy::expect_used)]

use alphafleet_domain::JobId;
use alphafleet_specs::{
    BacktestDraft, BacktestRequest, BacktestSpec, DatasetRef, FaultCode, Faults, SignalRef,
    StrategyConfig, TrainRequest, Trained, TrainingSpec, templates,
};
use serde_json::{Value, json};

fn period() -> Value {
    json!({ "start_date": "2017-01-03", "end_date": "2017-06-30" })
}

fn with(fields: Value) -> Value {
    let mut body = period();
    body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
    body
}

fn model() -> StrategyConfig {
    StrategyConfig::from_value(&json!({ "dataset": "bars", "model": { "type": "linear" } }))
        .unwrap()
}

fn rules() -> StrategyConfig {
    StrategyConfig::from_value(&json!({
        "dataset": "bars",
        "adjustment": "none",
        "backtest": {
            "capital": 5e5,
            "strategy": { "type": "ma_cross", "fast": 5, "slow": 20, "sizing": { "weight": 0.1 } },
            "costs": { "open_rate": 0.001, "close_rate": 0.002 },
        },
    }))
    .unwrap()
}

fn trained() -> Trained {
    let document = json!({
        "dataset": { "name": "bars", "version": "v1" }, "adjustment": "forward",
        "universe": { "exclude": ["Z"] },
    });
    let fitted = json!({ "start": "2013-02-08", "end": "2016-12-30" });
    let fitted = serde_json::from_value(fitted).unwrap();
    Trained {
        signals: vec![SignalRef { session: JobId::new(), fitted: Some(fitted), used: None }],
        spec: TrainingSpec::from_value(&document).unwrap(),
    }
}

fn instruments(count: usize) -> Vec<String> {
    (0..count).map(|number| format!("S{number:04}")).collect()
}

fn completed(draft: BacktestDraft, trained: Option<&Trained>, count: usize) -> BacktestSpec {
    let named = draft.dataset(trained).unwrap();
    let dataset = DatasetRef { name: named.name, version: Some("pinned".to_owned()) };
    draft.complete(dataset, trained, &instruments(count)).unwrap()
}

fn faults(result: Result<impl Sized, Faults>) -> Vec<(String, FaultCode)> {
    let Faults(faults) = result.err().expect("it was taken");
    faults.into_iter().map(|fault| (fault.field, fault.code)).collect()
}

#[test]
fn a_model_is_backtested_by_its_scores_on_the_data_it_was_trained_on() {
    let draft = BacktestRequest::resolve(&period(), &model()).unwrap();
    assert!(draft.plan.needs_signal());
    let trained = trained();
    let spec = completed(draft, Some(&trained), 500);
    let document = spec.to_value();
    assert_eq!(document["dataset"], json!({ "name": "bars", "version": "pinned" }));
    assert_eq!(document["adjustment"], "forward");
    assert_eq!(document["universe"], json!({ "exclude": ["Z"] }));
    assert_eq!(document["plan"]["capital"], 100_000.0);
    assert_eq!(document["plan"]["costs"]["open_rate"], 0.0005);
    assert_eq!(document["plan"]["costs"]["close_rate"], 0.0015);
    assert_eq!(document["plan"]["strategy"]["topk"], 50);
    assert_eq!(document["plan"]["period"], json!({ "start": "2017-01-03", "end": "2017-06-30" }));
    assert_eq!(document["signals"][0]["session"], trained.signals[0].session.to_string());
    assert!(spec.is_out_of_sample());
    assert_eq!(BacktestSpec::from_value(&document).unwrap(), spec);
    assert_eq!(serde_json::from_value::<BacktestSpec>(document).unwrap(), spec);
}

#[test]
fn a_small_universe_is_held_in_part_unless_asked_otherwise() {
    let held = |body: Value, config: &StrategyConfig, count: usize| {
        let draft = BacktestRequest::resolve(&body, config).unwrap();
        let plan = completed(draft, Some(&trained()), count).to_value();
        let strategy = &plan["plan"]["strategy"];
        (strategy["topk"].as_u64().unwrap(), strategy["n_drop"].as_u64().unwrap())
    };
    for (count, expected) in
        [(1, (1, 1)), (20, (4, 1)), (100, (20, 2)), (250, (50, 5)), (3_000, (50, 5))]
    {
        assert_eq!(held(period(), &model(), count), expected, "{count}");
        let qlib = with(json!({ "parameters": { "engine": "qlib" } }));
        assert_eq!(held(qlib, &model(), count), expected, "{count}");
    }
    let asked = with(json!({ "parameters": { "strategy": { "topk": 30 } } }));
    assert_eq!(held(asked, &model(), 20), (30, 5));
    let own = StrategyConfig::from_value(&json!({
        "model": { "type": "linear" },
        "backtest": { "strategy": { "type": "topk_dropout", "topk": 7, "n_drop": 2 } },
    }));
    assert_eq!(held(period(), &own.unwrap(), 20), (7, 2));
}

#[test]
fn a_request_lies_over_the_strategy_and_that_over_the_defaults() {
    let body = with(json!({
        "initial_capital": 2e6, "benchmark": "S0001",
        "parameters": {
            "costs": { "close_rate": 0.003 }, "strategy": { "slow": 30 }, "lot": 10,
            "universe": { "include": ["S0000", "S0001"] }, "limits": { "hard_s": 60 },
        },
    }));
    let draft = BacktestRequest::resolve(&body, &rules()).unwrap();
    assert!(!draft.plan.takes_signal());
    let document = completed(draft, None, 3).to_value();
    let plan = &document["plan"];
    assert_eq!((&plan["capital"], &plan["lot"]), (&json!(2e6), &json!(10.0)));
    assert_eq!(plan["benchmark"], "S0001");
    assert_eq!(plan["costs"]["open_rate"], 0.001, "the strategy's");
    assert_eq!(plan["costs"]["close_rate"], 0.003, "the request's");
    assert_eq!(plan["strategy"]["type"], "moving_average_cross");
    assert_eq!((&plan["strategy"]["fast"], &plan["strategy"]["slow"]), (&json!(5), &json!(30)));
    assert_eq!(document["adjustment"], "none");
    assert_eq!(document["limits"], json!({ "hard_s": 60 }));
    assert!(document.get("signals").is_none());

    let draft = BacktestRequest::resolve(&period(), &rules()).unwrap();
    assert_eq!(draft.plan.capital(), 5e5, "the strategy's");
    let other = json!({ "type": "momentum", "window": 20, "skip": 1, "topk": 3, "every": 5 });
    let body = with(json!({ "parameters": { "strategy": other } }));
    let draft = BacktestRequest::resolve(&body, &rules()).unwrap();
    assert_eq!(draft.plan.strategy_type(), "momentum");
    let body = with(json!({ "benchmark": "S1", "parameters": { "engine": "qlib" } }));
    let plan = BacktestRequest::resolve(&body, &model()).unwrap().plan.to_value();
    assert_eq!((&plan["benchmark"], &plan["capital"]), (&json!(["S1"]), &json!(100_000.0)));
    let body = with(json!({ "parameters": { "market": "cn" } }));
    let plan = BacktestRequest::resolve(&body, &model()).unwrap().plan.to_value();
    assert_eq!(plan["costs"]["sell_tax"], 0.001, "the market's");
}

#[test]
fn faults_name_the_fields_of_the_body() {
    use FaultCode::*;
    let parameters = |fields: Value| with(json!({ "parameters": fields }));
    let table: Vec<(Value, &[(&str, FaultCode)])> = vec![
        (json!({}), &[("start_date", Required), ("end_date", Required)]),
        (
            json!({ "start_date": "soon", "end_date": 7 }),
            &[("start_date", WrongType), ("end_date", WrongType)],
        ),
        (
            json!({ "start_date": "2017-06-30", "end_date": "2017-01-03" }),
            &[("end_date", InvalidPeriod)],
        ),
        (with(json!({ "initial_capital": 0 })), &[("initial_capital", OutOfRange)]),
        (with(json!({ "initial_capital": -5 })), &[("initial_capital", OutOfRange)]),
        (with(json!({ "initial_capital": "much" })), &[("initial_capital", WrongType)]),
        (with(json!({ "benchmark": 7 })), &[("benchmark", WrongType)]),
        (with(json!({ "capital": 7 })), &[("capital", UnknownField)]),
        (with(json!({ "parameters": [] })), &[("parameters", WrongType)]),
        (parameters(json!({ "speed": 3 })), &[("parameters.speed", UnknownField)]),
        (
            parameters(json!({ "costs": { "open_rate": 2 } })),
            &[("parameters.costs.open_rate", OutOfRange)],
        ),
        (
            parameters(json!({ "costs": { "free": true } })),
            &[("parameters.costs.free", UnknownField)],
        ),
        (
            parameters(json!({ "strategy": { "topk": 0 } })),
            &[("parameters.strategy.topk", OutOfRange)],
        ),
        (
            parameters(json!({ "strategy": { "type": "magic" } })),
            &[("parameters.strategy.type", UnknownValue)],
        ),
        (
            parameters(json!({ "engine": "qlib", "exchange": { "open_cost": 7 } })),
            &[("parameters.exchange.open_cost", OutOfRange)],
        ),
        (parameters(json!({ "engine": "magic" })), &[("parameters.engine", UnknownValue)]),
        (parameters(json!({ "session": "mine" })), &[("parameters.session", WrongType)]),
        (parameters(json!({ "dataset": "" })), &[("parameters.dataset", Empty)]),
        (
            with(json!({ "initial_capital": 5, "parameters": { "capital": 6 } })),
            &[("parameters.capital", Conflict)],
        ),
        (
            with(json!({ "initial_capital": 0, "start_date": "x", "parameters": { "limits": 1 } })),
            &[
                ("start_date", WrongType),
                ("parameters.limits", WrongType),
                ("initial_capital", OutOfRange),
            ],
        ),
    ];
    for (body, expected) in table {
        let found = faults(BacktestRequest::resolve(&body, &model()));
        let found: Vec<_> = found.iter().map(|(field, code)| (field.as_str(), *code)).collect();
        assert_eq!(found, expected, "{body}");
    }
    let session = with(json!({ "parameters": { "session": JobId::new() } }));
    let found = faults(BacktestRequest::resolve(&session, &rules()));
    assert_eq!(found, [("parameters.session".to_owned(), NotSupported)]);
}

#[test]
fn what_the_data_lack_is_named() {
    let refused = |body: Value, config: &StrategyConfig| {
        let draft = BacktestRequest::resolve(&body, config).unwrap();
        let dataset = DatasetRef { name: "bars".to_owned(), version: None };
        faults(draft.complete(dataset, None, &instruments(5)))
    };
    let unknown = with(json!({ "benchmark": "^GSPC" }));
    let expected = ("benchmark".to_owned(), FaultCode::UnknownValue);
    assert_eq!(refused(unknown, &rules()), [expected]);
    let outside = with(json!({ "benchmark": "S0001",
        "parameters": { "universe": { "exclude": ["S0001"] } } }));
    let expected = ("benchmark".to_owned(), FaultCode::Conflict);
    assert_eq!(refused(outside, &rules()), [expected]);
    let nobody = with(json!({ "parameters": { "universe": { "include": ["NONE"] } } }));
    let expected = ("parameters.universe".to_owned(), FaultCode::Empty);
    assert_eq!(refused(nobody, &rules()), [expected]);
    let pair = json!({ "type": "pairs", "first": "S0000", "second": "NONE", "window": 20,
        "entry": 2.0, "exit": 0.5, "weight": 0.4 });
    let account = json!({ "margin": { "initial": 0.5, "maintenance": 0.25 } });
    let pair = with(json!({ "parameters": { "strategy": pair, "account": account } }));
    let expected = ("parameters.strategy.second".to_owned(), FaultCode::UnknownValue);
    assert_eq!(refused(pair, &rules()), [expected]);
    let nowhere = StrategyConfig::from_value(&json!({ "model": { "type": "linear" } })).unwrap();
    let draft = BacktestRequest::resolve(&period(), &nowhere).unwrap();
    let expected = ("parameters.dataset".to_owned(), FaultCode::Required);
    assert_eq!(faults(draft.dataset(None)), [expected]);
}

#[test]
fn a_strategy_of_rules_has_no_model_to_train() {
    let rules = rules();
    assert_eq!((rules.has_model(), rules.strategy_type()), (false, "moving_average_cross"));
    let refused = TrainRequest::resolve(&json!({}), Some(&rules)).unwrap_err();
    assert_eq!(
        (refused.0[0].field.as_str(), refused.0[0].code),
        ("strategy", FaultCode::NotSupported)
    );
    assert!(refused.0[0].message.contains("backtest"));
    for (config, has_model, of_type) in [
        (json!({}), true, "lightgbm"),
        (json!({ "dataset": "bars" }), true, "lightgbm"),
        (json!({ "backtest": { "engine": "qlib" } }), true, "lightgbm"),
        (
            json!({ "model": { "type": "ridge" }, "backtest": rules.to_value()["backtest"] }),
            true,
            "linear",
        ),
        (
            json!({ "backtest": { "strategy": { "type": "weights", "weighting": "equal" } } }),
            false,
            "weights",
        ),
    ] {
        let strategy = StrategyConfig::from_value(&config).unwrap();
        assert_eq!(
            (strategy.has_model(), strategy.strategy_type()),
            (has_model, of_type),
            "{config}"
        );
        let body = json!({ "dataset_name": "bars" });
        let training = TrainRequest::resolve(&body, Some(&strategy));
        assert_eq!(training.is_ok(), has_model, "{config}");
    }
    assert_eq!(StrategyConfig::canonical_type("ma_cross"), "moving_average_cross");
    assert_eq!(StrategyConfig::canonical_type("lgbm"), "lightgbm");
}

#[test]
fn the_section_of_a_strategy_is_checked_with_the_rest() {
    let found = faults(StrategyConfig::from_value(&json!({
        "colour": "red", "backtest": { "costs": { "open_rate": -1 }, "strategy": {
            "type": "weights", "weighting": "equal" } },
    })));
    let expected = [
        ("colour".to_owned(), FaultCode::UnknownField),
        ("backtest.costs.open_rate".to_owned(), FaultCode::OutOfRange),
    ];
    assert_eq!(found, expected);
    let dated = json!({ "backtest": { "engine": "qlib",
        "period": { "start": "2020-01-01", "end": "2020-02-01" } } });
    let found = faults(StrategyConfig::from_value(&dated));
    assert_eq!(found, [("backtest.period".to_owned(), FaultCode::NotSupported)]);
    let found = faults(StrategyConfig::from_value(&json!({ "backtest": 3 })));
    assert_eq!(found, [("backtest".to_owned(), FaultCode::WrongType)]);
}

#[test]
fn templates_of_rules_are_strategies_that_run() {
    let rules: Vec<_> =
        templates().into_iter().filter(|one| one.configuration.get("backtest").is_some()).collect();
    let names: Vec<&str> = rules.iter().map(|template| template.name).collect();
    for name in ["ma_cross", "momentum", "mean_reversion", "pairs", "rules", "equal_weight"] {
        assert!(names.contains(&name), "{names:?}");
    }
    for template in rules {
        assert!(template.description.ends_with('.'), "{}", template.description);
        let strategy = StrategyConfig::from_value(&template.configuration).unwrap();
        assert!(!strategy.has_model(), "{}", template.name);
        BacktestRequest::resolve(&period(), &strategy).expect(template.name);
    }
}

#[test]
fn a_specification_names_its_faults_by_path() {
    use FaultCode::*;
    let plan = json!({ "engine": "qlib", "period": ["2020-01-01", "2020-02-01"] });
    let plan = || {
        let mut plan = plan.clone();
        plan["period"] = json!({ "start": "2020-01-01", "end": "2020-02-01" });
        plan
    };
    let rules = json!({
        "period": { "start": "2020-01-01", "end": "2020-02-01" },
        "strategy": { "type": "weights", "weighting": "equal" },
        "costs": { "open_rate": 2 },
    });
    for (document, expected) in [
        (json!({}), vec![("dataset", Required), ("plan", Required)]),
        (json!({ "dataset": "d", "plan": plan() }), vec![("signals", Required)]),
        (
            json!({ "dataset": "d", "plan": plan(), "signals": "x", "nonsense": 1 }),
            vec![("signals", WrongType), ("nonsense", UnknownField)],
        ),
        (json!({ "dataset": "d", "plan": rules }), vec![("plan.costs.open_rate", OutOfRange)]),
        (json!({ "dataset": "d", "plan": { "engine": "qlib" } }), vec![("plan.period", Required)]),
    ] {
        let found = faults(BacktestSpec::from_value(&document));
        let found: Vec<_> = found.iter().map(|(field, code)| (field.as_str(), *code)).collect();
        assert_eq!(found, expected, "{document}");
    }
}

#[test]
fn what_the_model_has_seen_is_not_out_of_sample() {
    let spec = |start: &str, end: &str, fitted: Option<(&str, &str)>| {
        let document = json!({
            "dataset": "d",
            "signals": {
                "session": JobId::new(),
                "fitted": fitted.map(|(start, end)| json!({ "start": start, "end": end })),
            },
            "plan": { "engine": "qlib", "period": { "start": start, "end": end } },
        });
        BacktestSpec::from_value(&document).unwrap()
    };
    let fitted = Some(("2013-02-08", "2016-12-30"));
    assert!(spec("2017-01-03", "2017-02-03", fitted).is_out_of_sample());
    assert!(spec("2012-01-03", "2013-02-07", fitted).is_out_of_sample());
    assert!(!spec("2016-12-30", "2017-02-03", fitted).is_out_of_sample());
    assert!(!spec("2012-01-03", "2018-02-07", fitted).is_out_of_sample());
    assert!(!spec("2017-01-03", "2017-02-03", None).is_out_of_sample());
}
