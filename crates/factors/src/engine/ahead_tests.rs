//! Series that are moved ahead and back again: their first bars have no value.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use proptest::prelude::*;

use super::tests::{long_bars, named, panel};
use super::{compute, compute_double};
use crate::expr::tests::numeric;
use crate::{FeatureFrame, NamedExpr, alpha158};

/// Element-wise operators, whose values the judge has to the bit, over fields that are moved ahead
/// and back any number of times, beyond a block of bars too.
fn ahead_and_back() -> impl Strategy<Value = String> {
    let leaf =
        prop::sample::select(vec!["$close", "$open", "$volume", "($close > $open)*0.1+$close"]);
    let bars = || prop_oneof![4 => 1i64..9, 1 => 9i64..400];
    let moved = (leaf.prop_map(str::to_owned), bars()).prop_map(|(x, n)| format!("Ref({x}, -{n})"));
    moved.prop_recursive(4, 16, 2, move |inner| {
        let two = prop::sample::select(vec!["+", "-", "*", "/", ">", "<="]);
        let joins = prop::sample::select(vec!["And", "Or", "Greater", "Less"]);
        prop_oneof![
            2 => (inner.clone(), bars()).prop_map(|(x, n)| format!("Ref({x}, {n})")),
            1 => (inner.clone(), bars()).prop_map(|(x, n)| format!("Ref({x}, -{n})")),
            1 => inner.clone().prop_map(|x| format!("Abs({x})")),
            1 => inner.clone().prop_map(|x| format!("Delta(1*({x}), 2)")),
            1 => inner.clone().prop_map(|x| format!("Max({x}, 3)")),
            2 => (inner.clone(), two, inner.clone())
                .prop_map(|(x, op, y)| format!("(1*({x}) {op} ({y}))")),
            1 => (inner.clone(), inner.clone(), inner.clone())
                .prop_map(|(c, x, y)| format!("If({c} > 3, {x}, {y})")),
            1 => (inner.clone(), joins, inner, bars()).prop_map(|(x, join, y, n)| {
                format!("(1*{join}(Ref({x} > 3, {n}), {y} > {x}))")
            }),
        ]
    })
}

fn bits(frame: &FeatureFrame, column: usize) -> Vec<u32> {
    let bits = |value: &f32| if value.is_nan() { f32::NAN.to_bits() } else { value.to_bits() };
    frame.column(column).iter().map(bits).collect()
}

#[test]
fn what_lies_before_the_first_bar_is_missing() {
    let bar = |day: usize| Some([day as f64 + 10.0, 2.0, 100.0]);
    let panel = panel(&[("A", (0..12).map(bar).collect()), ("B", (0..12).map(bar).collect())]);
    let sources = [
        "Ref(Ref($close*2,-3),3)",
        "Ref(Ref($close,-2)/Ref($close,-1)-1,2)",
        "Ref(CSRank(Ref($close, -3)), 3)",
        "Ref(SMA(Ref($close, -3), 1), 3)",
        "Ref(Ref(Ref($close*2, -3), 5), -2)",
    ];
    let missing = [3, 2, 3, 3, 3];
    let beside = ["$close", "$open*3", "Mean($volume, 2)*7"];
    let all: Vec<&str> = beside.iter().chain(&sources).copied().collect();
    let together = compute(&panel, &named(&all), 1).unwrap();
    for (at, (source, missing)) in sources.iter().zip(missing).enumerate() {
        let alone = compute(&panel, &named(&[source]), 1).unwrap();
        assert_eq!(bits(&alone, 0), bits(&together, beside.len() + at), "{source}");
        let values = &alone.column(0)[alone.cells(0)];
        assert!(values[..missing].iter().all(|value| value.is_nan()), "{source}: {values:?}");
        assert!(values[missing..8].iter().all(|value| !value.is_nan()), "{source}: {values:?}");
    }
}

/// Longer than a block, so that the bars before the first fill one.
#[test]
fn blocks_before_the_first_bar_are_missing() {
    let bar = |day: usize| Some([day as f64 + 10.0, 2.0, 100.0]);
    let panel = panel(&[("A", (0..700).map(bar).collect()), ("B", (0..700).map(bar).collect())]);
    for source in ["Ref(Ref($close*2, -600), 600)", "Ref(CSRank(Ref($close, -600)), 600)"] {
        let frame = compute(&panel, &named(&[source, "$open*3", "CSRank($volume)"]), 1).unwrap();
        let values = &frame.column(0)[frame.cells(0)];
        let missing = |value: &f32| value.is_nan();
        assert_eq!(values.iter().take_while(|value| missing(value)).count(), 600, "{source}");
        assert!(!values[600..].iter().any(missing), "{source}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn ahead_and_back_agrees_with_the_judge_alone_and_beside_others(
        sources in prop::collection::vec(ahead_and_back(), 1..6),
        others in prop::collection::vec(numeric(), 0..6),
        late in long_bars(),
        gap in 0usize..400,
        library in any::<bool>(),
    ) {
        prop_assume!(late.iter().any(Option::is_some));
        let shifted: Vec<_> = std::iter::repeat_n(None, gap).chain(late.clone()).collect();
        let whole = vec![Some([2.0, 1.0, 1.0]); shifted.len()];
        let panel = panel(&[("A", late), ("B", shifted), ("Z", whole)]);
        let mut texts: Vec<String> = others.iter().map(ToString::to_string).collect();
        texts.extend(sources.iter().cloned());
        if library {
            let fits = |named: &NamedExpr| {
                named.expr.fields().iter().all(|field| ["close", "open", "volume"].contains(field))
            };
            texts.extend(alpha158().unwrap().into_iter().filter(fits).map(|n| n.expr.to_string()));
        }
        texts.sort();
        texts.dedup();
        let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
        let together = compute(&panel, &named(&texts), 2).unwrap();
        let double = compute_double(&panel, &named(&texts), 1).unwrap();
        for (column, text) in texts.iter().enumerate() {
            let exprs = named(&[text]);
            let alone = compute(&panel, &exprs, 1).unwrap();
            prop_assert_eq!(bits(&alone, 0), bits(&together, column), "{}", text);
            for (single, double) in together.column(column).iter().zip(double.column(column)) {
                let same = single.is_nan() && double.is_nan() || *single == *double as f32;
                prop_assert!(same, "{text}: {single}, in double precision {double}");
            }
            if !sources.iter().any(|source| source == text) {
                continue;
            }
            for (instrument, expected) in
                crate::judge::compute(&panel, exprs[0].expr.root()).iter().enumerate()
            {
                let ours = &alone.column(0)[alone.cells(instrument)];
                for (bar, (a, b)) in ours.iter().zip(expected).enumerate() {
                    let same = a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan()) || a == b;
                    prop_assert!(same, "{text} of {instrument} at {bar}: {a}, judge {b}");
                }
            }
        }
    }
}
