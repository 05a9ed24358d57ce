//! Columns that go on from an earlier version of the data are those of a full computation.
#![allow(clippy::unwrap_used, clippy::expect_used)]

mod child;

use std::collections::BTreeMap;
use std::path::Path;

use alphafleet_domain::{CachedFeature, FeatureKey};
use alphafleet_market::{Panel, PanelBuilder, PanelRow, SyntheticMarket};
use alphafleet_worker::child::{Assignment, Completed, EarlierColumn};
use child::{Running, completed, computing, keep, stored, table};
use proptest::prelude::*;
use serde_json::{Value, json};

/// Not a test: what the other tests start as their child process.
#[test]
#[ignore = "the child process of the other tests"]
fn child_process() {
    child::serve_if_child();
}

const FORMULAS: [(&str, &str); 12] = [
    ("ref", "$close/Ref($close, 5)"),
    ("ema", "EMA($close, 9)/$close"),
    ("ever", "Mean($close, 0)/$close"),
    ("std", "Std($close, 20)/$close"),
    ("corr", "Corr($close, Log($volume+1), 10)"),
    ("slope", "Slope(EMA($close, 3), 7)/$close"),
    ("quantile", "Quantile($close, 12, 0.8)/$close"),
    ("rank", "CSRank(Mean($close/$open, 3))"),
    ("score", "EMA(CSZScore($close/Ref($close, 1)), 4)"),
    ("rsi", "RSI($close, 6)"),
    ("raw", "$close/$factor"),
    ("whole", "Ref(Mean(Ref($close, -2), 5), 4)/$close"),
];
/// It looks ahead and back again, and so has no state.
const NEVER_EXTENDED: usize = 1;

/// What happened to the data after the first version.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Change {
    Appended,
    /// A price of the past.
    Restated,
    /// The adjustment factor of one instrument's past, as after a dividend that came late.
    Factor,
    /// Another instrument with a past of its own.
    BeganBefore,
    /// Another instrument that begins with the new bars.
    BeginsNow,
}

fn change() -> impl Strategy<Value = Change> {
    use Change::{Appended, BeganBefore, BeginsNow, Factor, Restated};
    prop::sample::select(vec![Appended, Appended, BeginsNow, Restated, Factor, BeganBefore])
}

/// The bars of a panel for which `keep(instrument, bar)` holds, some of them with other values.
fn edited(
    panel: &Panel,
    keep: impl Fn(usize, usize) -> bool,
    edit: impl Fn(&str, usize, usize, f64) -> f64,
) -> Panel {
    let fields: Vec<String> = panel.field_names().map(str::to_owned).collect();
    let mut builder = PanelBuilder::new(fields.clone());
    for (at, instrument) in panel.instruments().iter().enumerate() {
        for bar in panel.listed(at).filter(|&bar| panel.has_bar(at, bar) && keep(at, bar)) {
            let value =
                |field: &String| edit(field, at, bar, panel.series(field, at).unwrap()[bar]);
            let values: Vec<f64> = fields.iter().map(value).collect();
            let time = panel.calendar()[bar];
            builder.push(PanelRow { instrument, time, values: &values }).unwrap();
        }
    }
    builder.build().unwrap()
}

/// The version before and the one after a change.
fn versions(whole: &Panel, cut: usize, change: Change, at: usize) -> (Panel, Panel) {
    let same = |_: &str, _: usize, _: usize, value: f64| value;
    let newcomer = at % whole.instruments().len();
    let joins = matches!(change, Change::BeganBefore | Change::BeginsNow);
    let before = edited(whole, |i, bar| bar < cut && !(joins && i == newcomer), same);
    let after = match change {
        Change::BeginsNow => edited(whole, |i, bar| i != newcomer || bar >= cut, same),
        Change::Restated => edited(
            whole,
            |_, _| true,
            |field, i, bar, value| {
                let it = field == "close" && i == newcomer && bar == whole.listed(i).start;
                if it { value * 1.01 } else { value }
            },
        ),
        Change::Factor => edited(
            whole,
            |_, _| true,
            |field, i, bar, value| {
                if field == "factor" && i == newcomer && bar < cut { value * 0.5 } else { value }
            },
        ),
        Change::Appended | Change::BeganBefore => edited(whole, |_, _| true, same),
    };
    (before, after)
}

fn computation(panel: Panel, folder: &Path) -> Assignment {
    let expressions: Vec<Value> = FORMULAS
        .iter()
        .map(|(name, formula)| json!({ "name": name, "expression": formula }))
        .collect();
    let names: Vec<&str> = FORMULAS.iter().map(|(name, _)| *name).collect();
    let features = json!({ "expressions": expressions });
    computing(features, &names, stored(panel, folder), folder)
}

/// The assignment with what is stored of the same columns over an earlier version.
fn going_on(assignment: &Assignment, before: &Assignment, kept: &[CachedFeature]) -> Assignment {
    let mut inputs = assignment.typed_inputs().unwrap();
    let earlier_columns = before.typed_inputs().unwrap().features.unwrap().columns;
    let features = inputs.features.as_mut().unwrap();
    for (wanted, earlier) in features.columns.iter().zip(&earlier_columns) {
        let stored = kept.iter().find(|one| one.key == earlier.key).unwrap().clone();
        features.earlier.push(EarlierColumn { key: wanted.key.clone(), stored });
    }
    Assignment { inputs: serde_json::to_value(inputs).unwrap(), ..assignment.clone() }
}

fn columns(completed: &Completed) -> BTreeMap<FeatureKey, Vec<u8>> {
    let read = |path| std::fs::read(path).unwrap();
    completed.features.iter().map(|file| (file.key.clone(), read(&file.path))).collect()
}

fn count(completed: &Completed, what: &str) -> usize {
    completed.result[what].as_u64().unwrap() as usize
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn extended_columns_are_those_of_a_full_computation(
        seed in any::<u64>(),
        instruments in 8usize..14,
        bars in 120usize..200,
        added in 1usize..30,
        change in change(),
        at in any::<usize>(),
        forward in any::<bool>(),
    ) {
        let market = SyntheticMarket {
            instruments, bars, seed, suspension: 0.01, split: 0.002, ..SyntheticMarket::default()
        };
        let whole = market.generate().unwrap();
        let (before, after) = versions(&whole, bars - added, change, at);
        let folder = tempfile::tempdir().unwrap();
        let mut child = Running::start();
        let adjusted = |assignment: Assignment| {
            let mut assignment = assignment;
            let adjustment = if forward { "forward" } else { "backward" };
            assignment.spec["adjustment"] = json!(adjustment);
            assignment
        };
        let first = adjusted(computation(before, folder.path()));
        let computed = completed(&child.serve(&first, |_| None));
        prop_assert_eq!(count(&computed, "computed"), FORMULAS.len());
        let states = computed.features.iter().filter(|file| file.state.is_some()).count();
        prop_assert_eq!(states, FORMULAS.len() - NEVER_EXTENDED);
        let kept = keep(&first, &computed.features);

        let next = adjusted(computation(after, folder.path()));
        let full = completed(&child.serve(&next, |_| None));
        let (expected, expected_columns) = (table(&full), columns(&full));
        let extended = completed(&child.serve(&going_on(&next, &first, &kept), |_| None));
        prop_assert_eq!(&table(&extended), &expected);
        prop_assert_eq!(&columns(&extended), &expected_columns);

        let number = count(&extended, "extended");
        prop_assert_eq!(number + count(&extended, "computed"), FORMULAS.len());
        let appended = matches!(change, Change::Appended | Change::BeginsNow);
        match change {
            // A split among the new bars changes all earlier prices of a forward adjustment.
            _ if appended && forward => {}
            _ if appended => prop_assert_eq!(number, states),
            Change::Restated => prop_assert_eq!(number, 0),
            Change::Factor | Change::BeganBefore => prop_assert_eq!(number, 0),
            _ => {}
        }
        let codes = extended.result["findings"].as_array().unwrap().iter();
        let explained = codes.filter(|finding| finding["code"] == "computed_afresh").count();
        prop_assert_eq!(explained > 0, number < FORMULAS.len());
        child.end();
    }
}

#[test]
fn a_broken_or_missing_state_is_computed_again() {
    let market = SyntheticMarket { instruments: 10, bars: 150, ..SyntheticMarket::default() };
    let whole = market.generate().unwrap();
    let (before, after) = versions(&whole, 149, Change::Appended, 0);
    let folder = tempfile::tempdir().unwrap();
    let mut child = Running::start();
    let first = computation(before, folder.path());
    let computed = completed(&child.serve(&first, |_| None));
    let kept = keep(&first, &computed.features);
    let states: Vec<_> = kept
        .iter()
        .map(|one| alphafleet_domain::feature_state_key(&one.object_key))
        .map(|key| folder.path().join("storage").join(key))
        .filter(|path| path.exists())
        .collect();
    std::fs::remove_file(&states[0]).unwrap();
    let mut bytes = std::fs::read(&states[1]).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&states[1], bytes).unwrap();
    let broken = &kept.iter().find(|one| states[2].ends_with(state_name(one))).unwrap().object_key;
    std::fs::write(folder.path().join("storage").join(broken), b"no Parquet").unwrap();

    let next = computation(after, folder.path());
    let full = completed(&child.serve(&next, |_| None));
    let expected = table(&full);
    let extended = completed(&child.serve(&going_on(&next, &first, &kept), |_| None));
    assert_eq!(table(&extended), expected);
    assert_eq!(count(&extended, "extended"), states.len() - 3);
    assert_eq!(count(&extended, "computed"), FORMULAS.len() - states.len() + 3);
}

fn state_name(feature: &CachedFeature) -> String {
    alphafleet_domain::feature_state_key(&feature.object_key)
}
