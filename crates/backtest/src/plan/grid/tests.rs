#![allow(clippy::unwrap_used, clippy::expect_used)]

use serde_json::{Value, json};

use super::{Axis, Grid};
use crate::plan::{Plan, PlanDraft, SweepConfig};

fn base() -> Plan {
    plan(&json!({
        "period": { "start": "2020-01-02", "end": "2020-12-31" },
        "market": "us",
        "costs": { "open_rate": 0.001 },
        "strategy": { "type": "ma_cross", "fast": 5, "slow": 20, "sizing": { "weight": 0.2 },
                      "short": false },
    }))
}

fn plan(document: &Value) -> Plan {
    let draft = PlanDraft::from_value(document).unwrap();
    let period = draft.period().unwrap();
    draft.complete(period)
}

fn axes(document: Value) -> Vec<Axis> {
    SweepConfig::from_value(&json!({ "axes": document })).unwrap().axes
}

#[test]
fn every_combination_is_there_once_and_changes_only_its_fields() {
    let fields = axes(json!([
        { "path": "strategy.fast", "values": [3, 5] },
        { "path": "strategy.sizing.weight", "values": [0.1, 0.2, 0.3] },
        { "path": "costs.minimum", "values": [0.0, 5.0] },
    ]));
    let grid = Grid::new(&base(), fields).unwrap();
    assert_eq!(grid.configurations(), 12);
    let mut seen = Vec::new();
    for configuration in 0..12 {
        let plan = grid.plan(configuration).unwrap().to_value();
        let mut expected = base().to_value();
        let values = grid.values(configuration);
        expected["strategy"]["fast"] = values[0].clone();
        expected["strategy"]["sizing"]["weight"] = values[1].clone();
        expected["costs"]["minimum"] = values[2].clone();
        expected["record_positions"] = json!(false);
        assert_eq!(plan, expected);
        assert!(!seen.contains(&plan));
        seen.push(plan);
    }
    assert_eq!(grid.values(1), [&json!(3), &json!(0.1), &json!(5.0)], "the last axis is fastest");
}

#[test]
fn a_combination_that_cannot_be_run_is_told_when_it_is_asked_for() {
    let fields = axes(json!([
        { "path": "strategy.fast", "values": [5, 30] },
        { "path": "strategy.slow", "values": [20, 60] },
    ]));
    let grid = Grid::new(&base(), fields).unwrap();
    let runnable: Vec<bool> = (0..4).map(|place| grid.plan(place).is_ok()).collect();
    assert_eq!(runnable, [true, true, false, true]);
    assert_eq!(grid.plan(2).unwrap_err().code, "out_of_range");
}

#[test]
fn sections_can_be_an_axis() {
    let fields = axes(json!([{ "path": "strategy", "values": [
        { "type": "ma_cross", "fast": 5, "slow": 20, "sizing": { "weight": 0.2 }, "short": false },
        { "type": "weights", "weighting": "equal" },
    ] }]));
    let grid = Grid::new(&base(), fields).unwrap();
    assert_eq!(grid.plan(0).unwrap().strategy_type(), "moving_average_cross");
    assert_eq!(grid.plan(1).unwrap().strategy_type(), "weights");
}

#[test]
fn a_fault_names_the_axis_and_the_value() {
    let many: Vec<usize> = (2..352).collect();
    for (document, field, code) in [
        (json!([]), "axes", "out_of_range"),
        (json!([{ "path": "strategy.fast", "values": [] }]), "axes[0].values", "required"),
        (
            json!([{ "path": "strategy.fast", "values": many },
                   { "path": "strategy.slow", "values": many }]),
            "axes",
            "out_of_range",
        ),
        (json!([{ "path": "speed", "values": [1] }]), "axes[0].values[0]", "unknown_field"),
        (
            json!([{ "path": "strategy.speed", "values": [1] }]),
            "axes[0].values[0]",
            "unknown_field",
        ),
        (json!([{ "path": "speed.fast", "values": [1] }]), "axes[0].path", "unknown_field"),
        (json!([{ "path": "strategy..fast", "values": [1] }]), "axes[0].path", "unknown_field"),
        (json!([{ "path": "", "values": [1] }]), "axes[0].path", "unknown_field"),
        (json!([{ "path": "engine", "values": ["qlib"] }]), "axes[0].path", "not_supported"),
        (
            json!([{ "path": "period.start", "values": ["2020-01-03"] }]),
            "axes[0].path",
            "not_supported",
        ),
        (
            json!([{ "path": "strategy.type", "values": ["rules"] }]),
            "axes[0].path",
            "not_supported",
        ),
        (
            json!([{ "path": "strategy.fast", "values": [3, "many"] }]),
            "axes[0].values[1]",
            "wrong_type",
        ),
        (
            json!([{ "path": "strategy.fast", "values": [3, 4] },
                   { "path": "costs.open_rate", "values": [0.1, 1.5] }]),
            "axes[1].values[1]",
            "out_of_range",
        ),
        (json!([{ "path": "lot", "values": [1.0, 1.0] }]), "axes[0].values[1]", "conflict"),
        (json!([{ "path": "lot", "values": [null] }]), "axes[0].values[0]", "wrong_type"),
        (
            json!([{ "path": "costs", "values": [{}] }, { "path": "costs.minimum", "values": [1.0] }]),
            "axes[1].path",
            "conflict",
        ),
    ] {
        let fault = Grid::new(&base(), axes(document.clone())).unwrap_err();
        assert_eq!((fault.field.as_str(), fault.code), (field, code), "{document}: {fault}");
    }
}

#[test]
fn qlibs_engine_varies_what_its_layout_does_not_depend_on() {
    let base = plan(&json!({
        "engine": "qlib", "period": { "start": "2020-01-02", "end": "2020-12-31" },
    }));
    let topk = axes(json!([{ "path": "strategy.topk", "values": [10, 30] }]));
    assert_eq!(Grid::new(&base, topk).unwrap().configurations(), 2);
    let costs = axes(json!([{ "path": "exchange.open_cost", "values": [0.0] }]));
    assert_eq!(Grid::new(&base, costs).unwrap_err().code, "not_supported");
}

#[test]
fn a_sweep_is_read_with_its_faults_named() {
    let axes = json!([{ "path": "lot", "values": [1.0] }]);
    for (document, field) in [
        (json!({}), "$"),
        (json!({ "axes": axes, "objective": "luck" }), "objective"),
        (json!({ "axes": axes, "speed": 1 }), "speed"),
        (json!({ "axes": [{ "path": 1, "values": [] }] }), "axes[0].path"),
        (json!({ "axes": axes, "walk_forward": { "train": 1, "test": 5 } }), "walk_forward.train"),
        (json!({ "axes": axes, "walk_forward": { "train": 9, "test": 0 } }), "walk_forward.test"),
        (
            json!({ "axes": axes, "walk_forward": { "train": 9, "test": 5, "step": 4 } }),
            "walk_forward.step",
        ),
    ] {
        let fault = SweepConfig::from_value(&document).unwrap_err();
        assert_eq!(fault.field, field, "{document}: {fault}");
    }
}
