//! Sweeps and their shares: documents read back, faults named, every run in exactly one share.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use alphafleet_backtest::plan::SweepConfig;
use alphafleet_specs::{
    BacktestSpec, BacktestSweepShareSpec, BacktestSweepSpec, FaultCode, Faults, Share,
};
use serde_json::{Value, json};

fn backtest() -> Value {
    json!({
        "dataset": { "name": "bars", "version": "v1" },
        "universe": { "exclude": ["Z"] },
        "adjustment": "forward",
        "plan": {
            "period": { "start": "2013-01-02", "end": "2017-12-29" },
            "costs": { "open_rate": 0.001 },
            "strategy": { "type": "ma_cross", "fast": 5, "slow": 20_000,
                          "sizing": { "weight": 0.1 } },
        },
    })
}

fn axes(sizes: &[usize]) -> Value {
    let paths = ["strategy.fast", "strategy.sizing.weight", "costs.open_rate", "lot", "capital"];
    let axis = |(path, size): (&str, &usize)| {
        let values: Vec<Value> = (0..*size)
            .map(|at| match path {
                "strategy.fast" => json!(2 + at),
                _ => json!((1 + at) as f64 / 1_000.0),
            })
            .collect();
        json!({ "path": path, "values": values })
    };
    paths.into_iter().zip(sizes).map(axis).collect()
}

fn document(sizes: &[usize], walk_forward: Value) -> Value {
    json!({ "backtest": backtest(),
            "sweep": { "axes": axes(sizes), "walk_forward": walk_forward } })
}

fn spec(sizes: &[usize], walk_forward: Value) -> BacktestSweepSpec {
    let spec = BacktestSweepSpec::from_value(&document(sizes, walk_forward)).unwrap();
    BacktestSweepSpec::new(spec.backtest, spec.sweep).unwrap()
}

fn faults(result: Result<impl Sized, Faults>) -> Vec<(String, FaultCode)> {
    let Faults(faults) = result.err().expect("it was taken");
    faults.into_iter().map(|fault| (fault.field, fault.code)).collect()
}

#[test]
fn a_sweep_and_its_shares_are_read_back_as_they_were_written() {
    let spec = spec(&[7, 40], json!({ "train": 250, "test": 60 }));
    let document = spec.to_value();
    assert_eq!(document["sweep"]["objective"], "sharpe");
    assert_eq!(document["backtest"]["plan"]["strategy"]["short"], false);
    let read = BacktestSweepSpec::from_value(&document).unwrap();
    assert_eq!(read, spec);
    assert_eq!(read.to_value(), document);
    let shares = spec.shares();
    assert_eq!(shares.len(), 2 + 18);
    for share in shares {
        let document = share.to_value();
        let read = BacktestSweepShareSpec::from_value(&document).unwrap();
        assert_eq!(read, share);
        assert_eq!(read.to_value(), document);
        assert_eq!(serde_json::from_value::<BacktestSweepShareSpec>(document).unwrap(), share);
    }
    let share = |share: Share| serde_json::to_value(share).unwrap();
    let (runs, windows) = (Share::Runs { from: 3, to: 9 }, Share::Windows { index: 1, of: 4 });
    assert_eq!(share(runs), json!({ "part": "runs", "from": 3, "to": 9 }));
    assert_eq!(share(windows), json!({ "part": "windows", "index": 1, "of": 4 }));
}

#[test]
fn what_is_wrong_with_a_sweep_is_named() {
    let good = document(&[3, 2], json!({ "train": 250, "test": 60 }));
    BacktestSweepSpec::from_value(&good).unwrap();
    let edits: [(&str, Value, &str, FaultCode); 13] = [
        ("/backtest", Value::Null, "backtest", FaultCode::Required),
        ("/backtest", json!(1), "backtest", FaultCode::WrongType),
        ("/backtest/dataset", Value::Null, "backtest.dataset", FaultCode::Required),
        ("/backtest/plan/period/end", json!(1), "backtest.plan.period.end", FaultCode::WrongType),
        (
            "/backtest/plan/costs/speed",
            json!(1),
            "backtest.plan.costs.speed",
            FaultCode::UnknownField,
        ),
        ("/sweep", Value::Null, "sweep", FaultCode::Required),
        ("/sweep/axes", Value::Null, "sweep.axes", FaultCode::WrongType),
        ("/sweep/axes/0/path", json!(1), "sweep.axes[0].path", FaultCode::WrongType),
        ("/sweep/axes/1/speed", json!(1), "sweep.axes[1].speed", FaultCode::UnknownField),
        ("/sweep/objective", json!("luck"), "sweep.objective", FaultCode::UnknownValue),
        ("/sweep/walk_forward/train", json!(1), "sweep.walk_forward.train", FaultCode::OutOfRange),
        ("/sweep/walk_forward/step", json!(59), "sweep.walk_forward.step", FaultCode::OutOfRange),
        ("/speed", json!(1), "speed", FaultCode::UnknownField),
    ];
    for (place, value, field, code) in edits {
        let mut document = good.clone();
        set(&mut document, place, value.clone());
        let found = faults(BacktestSweepSpec::from_value(&document));
        assert_eq!(found, [(field.to_owned(), code)], "{place} = {value}");
    }
    // All of them at once.
    let mut document = good.clone();
    set(&mut document, "/backtest/dataset", Value::Null);
    set(&mut document, "/sweep/objective", json!("luck"));
    set(&mut document, "/speed", json!(1));
    let fields: Vec<String> =
        faults(BacktestSweepSpec::from_value(&document)).into_iter().map(|(at, _)| at).collect();
    assert_eq!(fields, ["backtest.dataset", "sweep.objective", "speed"]);
    for document in [json!([]), json!("sweep"), Value::Null] {
        let found = faults(BacktestSweepSpec::from_value(&document));
        assert_eq!(found, [("$".to_owned(), FaultCode::WrongType)]);
    }
}

/// Sets a field of an object or an element of a list, which may be new.
fn set(document: &mut Value, place: &str, value: Value) {
    let (folder, name) = place.rsplit_once('/').unwrap();
    document.pointer_mut(folder).unwrap()[name] = value;
}

#[test]
fn axes_are_checked_with_the_plan() {
    let over = |axes: Value| {
        let sweep = SweepConfig::from_value(&json!({ "axes": axes })).unwrap();
        BacktestSweepSpec::new(BacktestSpec::from_value(&backtest()).unwrap(), sweep)
    };
    over(axes(&[10, 10, 10, 10, 10])).unwrap();
    for (axes, field, code) in [
        (axes(&[11, 10, 10, 10, 10]), "axes", FaultCode::OutOfRange),
        (json!([]), "axes", FaultCode::OutOfRange),
        (json!([{ "path": "strategy.fast", "values": [] }]), "axes[0].values", FaultCode::Required),
        (
            json!([{ "path": "strategy.fast", "values": [5, 7] },
                   { "path": "costs.open_rate", "values": [0.0, 0.1, -0.1] }]),
            "axes[1].values[2]",
            FaultCode::OutOfRange,
        ),
        (
            json!([{ "path": "strategy.fast", "values": [5, 20_000] }]),
            "axes[0].values[1]",
            FaultCode::OutOfRange,
        ),
        (
            json!([{ "path": "strategy.sizing", "values": ["all"] }]),
            "axes[0].values[0]",
            FaultCode::UnknownValue,
        ),
        (json!([{ "path": "period", "values": [1] }]), "axes[0].path", FaultCode::NotSupported),
        (json!([{ "path": "lot", "values": [1, 1] }]), "axes[0].values[1]", FaultCode::Conflict),
    ] {
        assert_eq!(faults(over(axes.clone())), [(field.to_owned(), code)], "{axes}");
    }
}

/// Checks that every combination and every one of so many windows is in one share.
fn covered(spec: &BacktestSweepSpec, windows: usize) -> Vec<Share> {
    let shares: Vec<Share> = spec.shares().into_iter().map(|share| share.share).collect();
    assert!(shares.len() <= 64);
    let mut combinations = vec![0; spec.sweep.configurations()];
    for share in &shares {
        if let Share::Runs { from, to } = *share {
            assert!(to - from >= 100, "{share:?}");
            combinations[from..to].iter_mut().for_each(|times| *times += 1);
        }
    }
    assert!(combinations.iter().all(|&times| times == 1));
    for window in 0..windows {
        let times = shares.iter().filter(|share| share.has_window(window)).count();
        assert_eq!(times, usize::from(spec.sweep.walk_forward.is_some()), "{window}");
    }
    shares
}

fn count(shares: &[Share]) -> (usize, usize) {
    let runs = shares.iter().filter(|share| matches!(share, Share::Runs { .. })).count();
    (runs, shares.len() - runs)
}

#[test]
fn every_run_is_in_exactly_one_share() {
    let walk = |train: usize, test: usize| json!({ "train": train, "test": test });
    for (sizes, walk_forward, expected) in [
        (vec![200], Value::Null, (2, 0)),
        (vec![299], Value::Null, (2, 0)),
        (vec![19, 21, 3], Value::Null, (11, 0)),
        (vec![10, 10, 10, 6], Value::Null, (60, 0)),
        (vec![10, 10, 10, 10, 10], Value::Null, (64, 0)),
        // Some 1,300 days: 17 windows of 60 days after the first 250.
        (vec![100], walk(250, 60), (1, 18)),
        (vec![250], walk(1_000, 500), (2, 1)),
        // Of a day for every share there is: each window's choice costs the fifth of a whole run.
        (vec![10, 10, 10, 10, 10], walk(250, 1), (1, 63)),
        (vec![10, 10, 10, 10, 10], walk(250, 500), (61, 3)),
        // There is no room for a window here, which only the calendar says for certain.
        (vec![250], walk(5_000, 5), (2, 1)),
    ] {
        let spec = spec(&sizes, walk_forward);
        let shares = covered(&spec, 2_000);
        assert_eq!(count(&shares), expected, "{sizes:?} {:?}", spec.sweep.walk_forward);
        assert_eq!(spec.shares(), spec.shares());
    }
}

#[test]
fn what_is_not_worth_two_shares_has_none() {
    for (sizes, walk_forward) in [
        (vec![1], Value::Null),
        (vec![199], Value::Null),
        (vec![10], json!({ "train": 250, "test": 60 })),
        (vec![99], json!({ "train": 1_250, "test": 100 })),
    ] {
        assert_eq!(spec(&sizes, walk_forward).shares(), []);
    }
    // Few combinations, but many choices among them: some windows to a share.
    let shares = spec(&[10], json!({ "train": 250, "test": 5 })).shares();
    let shares: Vec<Share> = shares.into_iter().map(|share| share.share).collect();
    assert_eq!(shares[0], Share::Runs { from: 0, to: 10 });
    assert_eq!(count(&shares), (1, 21));
}

#[test]
fn shares_that_would_repeat_too_much_are_fewer() {
    let names: Vec<Value> = (0..3_000).map(|at| json!("N".repeat(200) + &at.to_string())).collect();
    let mut document = document(&[100, 10, 10], Value::Null);
    document["backtest"]["universe"] = json!({ "include": names });
    let spec = BacktestSweepSpec::from_value(&document).unwrap();
    let shares = spec.shares();
    let bytes: usize = shares.iter().map(|share| share.to_value().to_string().len()).sum();
    assert!((2..64).contains(&shares.len()), "{}", shares.len());
    assert!(bytes <= 17 << 20, "{bytes}");
    covered(&spec, 0);
}

#[test]
fn what_is_wrong_with_a_share_is_named() {
    let plain = spec(&[10, 10], Value::Null).to_value();
    let walking = spec(&[10, 10], json!({ "train": 250, "test": 60 })).to_value();
    let share = |sweep: &Value, share: Value| {
        BacktestSweepShareSpec::from_value(&json!({ "sweep": sweep, "share": share }))
    };
    share(&plain, json!({ "part": "runs", "from": 99, "to": 100 })).unwrap();
    share(&walking, json!({ "part": "windows", "index": 63, "of": 64 })).unwrap();
    for (of, field, code) in [
        (Value::Null, "share", FaultCode::Required),
        (json!(1), "share", FaultCode::WrongType),
        (json!({}), "share.part", FaultCode::Required),
        (json!({ "part": "all" }), "share.part", FaultCode::UnknownValue),
        (json!({ "part": "runs", "to": 1 }), "share.from", FaultCode::Required),
        (json!({ "part": "runs", "from": 0 }), "share.to", FaultCode::Required),
        (json!({ "part": "runs", "from": 5, "to": 5 }), "share.to", FaultCode::OutOfRange),
        (json!({ "part": "runs", "from": -1, "to": 5 }), "share.from", FaultCode::OutOfRange),
        (json!({ "part": "runs", "from": 0.5, "to": 5 }), "share.from", FaultCode::WrongType),
        (json!({ "part": "runs", "from": 0, "to": 101 }), "share.to", FaultCode::OutOfRange),
        (
            json!({ "part": "runs", "from": 0, "to": 9, "of": 2 }),
            "share.of",
            FaultCode::UnknownField,
        ),
        (json!({ "part": "windows", "of": 2 }), "share.index", FaultCode::Required),
        (json!({ "part": "windows", "index": 0 }), "share.of", FaultCode::Required),
        (json!({ "part": "windows", "index": 0, "of": 0 }), "share.of", FaultCode::OutOfRange),
        (json!({ "part": "windows", "index": 0, "of": 65 }), "share.of", FaultCode::OutOfRange),
        (json!({ "part": "windows", "index": 2, "of": 2 }), "share.index", FaultCode::OutOfRange),
    ] {
        let found = faults(share(&walking, of.clone()));
        assert_eq!(found, [(field.to_owned(), code)], "{of}");
    }
    let windows = json!({ "part": "windows", "index": 0, "of": 1 });
    let expected = [("share.part".to_owned(), FaultCode::Conflict)];
    assert_eq!(faults(share(&plain, windows.clone())), expected);
    let absent = faults(BacktestSweepShareSpec::from_value(&json!({ "share": windows })));
    assert_eq!(absent, [("sweep".to_owned(), FaultCode::Required)]);
    let mut wrong = walking.clone();
    wrong["sweep"]["objective"] = json!("luck");
    let expected = [("sweep.sweep.objective".to_owned(), FaultCode::UnknownValue)];
    assert_eq!(faults(share(&wrong, windows)), expected);
}
