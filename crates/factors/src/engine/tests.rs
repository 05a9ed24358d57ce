#![allow(clippy::unwrap_used, clippy::expect_used)]

use alphafleet_market::{Panel, PanelBuilder, PanelRow};
use chrono::{Days, NaiveDate, NaiveDateTime, NaiveTime};
use proptest::prelude::*;

use super::compute;
use crate::expr::tests::numeric;
use crate::{FactorError, NamedExpr, alpha158, keep_available, validate_feature};

fn day(bar: usize) -> NaiveDateTime {
    let first = NaiveDate::from_ymd_opt(2020, 1, 1).unwrap();
    (first + Days::new(bar as u64)).and_time(NaiveTime::MIN)
}

/// Bars of close, open, volume; a bar of `None` is missing.
pub(super) fn panel(instruments: &[(&str, Vec<Option<[f64; 3]>>)]) -> Panel {
    let mut builder = PanelBuilder::new(["close", "open", "volume"]);
    for (instrument, bars) in instruments {
        for (bar, values) in bars.iter().enumerate() {
            if let Some(values) = values {
                builder.push(PanelRow { instrument, time: day(bar), values }).unwrap();
            }
        }
    }
    builder.build().unwrap()
}

pub(super) fn named(sources: &[&str]) -> Vec<NamedExpr> {
    sources.iter().map(|source| NamedExpr::parse(source, source).unwrap()).collect()
}

#[test]
fn each_instrument_has_its_listed_cells() {
    let bar = |close: f64| Some([close, 1.0, 1.0]);
    let panel = panel(&[
        ("A", vec![bar(1.0), None, bar(3.0), bar(4.0)]),
        ("B", vec![None, bar(10.0), bar(20.0), None]),
    ]);
    let frame = compute(&panel, &named(&["Ref($close, 1)", "Mean($close, 2)"]), 2).unwrap();
    assert_eq!(frame.rows(), 6);
    let bits = |column: &[f32]| column.iter().map(|v| v.to_string()).collect::<Vec<_>>();
    assert_eq!(bits(frame.column(0)), ["NaN", "1", "NaN", "3", "NaN", "10"]);
    assert_eq!(bits(frame.column(1)), ["1", "1", "3", "3.5", "10", "15"]);
    assert_eq!((frame.cell(1, 2), frame.cell(1, 3)), (Some(5), None));
    assert_eq!(frame.cells(1), 4..6);
}

#[test]
fn a_wrong_request_is_refused_by_name() {
    let panel = panel(&[("A", vec![Some([1.0, 2.0, 3.0]); 3])]);
    let error = compute(&panel, &named(&["$close/$vwap"]), 1).unwrap_err();
    assert_eq!(
        error.to_string(),
        "$close/$vwap reads the unknown field $vwap; the data has: $close, $open, $volume"
    );
    let twice = named(&["$close", "$close"]);
    assert_eq!(
        compute(&panel, &twice, 1),
        Err(FactorError::DuplicateName { name: "$close".into() })
    );
    assert_eq!(compute(&panel, &[], 1), Err(FactorError::Empty));
    let label = NamedExpr::parse("y", crate::DEFAULT_LABEL).unwrap();
    let error = validate_feature(&label).unwrap_err();
    assert_eq!((error.code(), error.to_string().contains("2 bars")), ("feature_looks_ahead", true));
}

#[test]
fn no_more_threads_than_groups_are_started() {
    let threads =
        |asked: usize, groups: usize| super::pool(asked, groups).unwrap().current_num_threads();
    assert_eq!([threads(100_000, 3), threads(2, 3), threads(2, 0)], [3, 2, 1]);
    assert!(threads(0, 1_000_000) <= super::MOST_THREADS);
    assert_eq!(super::threads_for(100_000, 1_000_000), super::MOST_THREADS);
    let panel = panel(&[("A", vec![Some([1.0, 2.0, 3.0]); 3])]);
    assert_eq!(compute(&panel, &named(&["$close"]), usize::MAX).unwrap().rows(), 3);
}

#[test]
fn the_longest_chains_are_computed() {
    let panel = panel(&[("A", (0..4).map(|bar| Some([f64::from(bar), 0.5, 3.0])).collect())]);
    let sum = vec!["$close"; 1_000].join("+");
    let mixed = format!("SMA($open, 1)-{}*2", vec!["$close*2-$open"; 300].join("+"));
    let constants = format!("{}*$close", vec!["1"; 900].join("+"));
    let frame = compute(&panel, &named(&[&sum, &mixed, &constants]), 1).unwrap();
    assert_eq!(frame.column(0), [0.0, 1_000.0, 2_000.0, 3_000.0]);
    // 299 times 2 close - open, and once 2 close - 2 open, less that of the first.
    let expected =
        |close: f64| 0.5 - close * 2.0 - 0.5 + 298.0 * (close * 2.0 - 0.5) + close * 2.0 - 1.0;
    let close = [0.0, 1.0, 2.0, 3.0];
    assert_eq!(frame.column(1), close.map(|close| expected(close) as f32));
    assert_eq!(frame.column(2), close.map(|close: f64| (899.0 + close) as f32));
    let mut stream = crate::FactorStream::new(&named(&[&sum])).unwrap();
    assert_eq!(stream.push::<f32>(&panel, 1).unwrap().column(0), frame.column(0));
    let bytes = stream.save().unwrap();
    assert!(crate::FactorStream::restore(&named(&[&sum]), &bytes, &panel).is_ok());
}

#[test]
fn missing_fields_leave_features_out_and_say_so() {
    let (kept, findings) = keep_available(alpha158().unwrap(), ["open", "high", "low", "close"]);
    assert_eq!(kept.len(), 158 - 1 - 8 * 5);
    assert_eq!(findings.len(), 2);
    assert!(findings[0].message.starts_with("the data has no $volume: 40 features are left out"));
    assert!(findings[1].message.ends_with("(VWAP0)"));
}

fn bars() -> impl Strategy<Value = Vec<Option<[f64; 3]>>> {
    let price = || (1u32..2_000).prop_map(|cents| f64::from(cents) / 100.0);
    let volume = prop_oneof![Just(0.0), (1u32..1_000_000).prop_map(f64::from)];
    let bar = (price(), price(), volume).prop_map(|(close, open, volume)| [close, open, volume]);
    prop::collection::vec(prop::option::weighted(0.9, bar), 2..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    #[test]
    fn cutting_the_future_never_changes_the_past(
        node in numeric(),
        bars in bars(),
        cut in 1usize..40,
    ) {
        let source = node.to_string();
        let exprs = named(&[&source]);
        prop_assume!(exprs[0].expr.look_ahead() == 0);
        let cut = cut.min(bars.len());
        prop_assume!(bars[..cut].iter().any(Option::is_some));
        // A companion without gaps keeps the missing bars on the calendar.
        let with = |bars: &[Option<[f64; 3]>]| {
            panel(&[("A", bars.to_vec()), ("Z", vec![Some([1.0, 1.0, 1.0]); bars.len()])])
        };
        let whole = compute(&with(&bars), &exprs, 1).unwrap();
        let part = compute(&with(&bars[..cut]), &exprs, 1).unwrap();
        let past = part.column(0)[part.cells(0)].iter();
        for (bar, (a, b)) in past.zip(&whole.column(0)[whole.cells(0)]).enumerate() {
            let same = a.to_bits() == b.to_bits() || (a.is_nan() && b.is_nan());
            prop_assert!(same, "{source} at {bar}: {a}, {b}");
        }
    }

    #[test]
    fn threads_and_company_change_no_bit(a in bars(), b in bars()) {
        prop_assume!(a.iter().any(Option::is_some) && b.iter().any(Option::is_some));
        let sources =
            ["Std($close, 5)", "Corr($close, Log($volume+1), 4)", "Std($close, 5)/$open"];
        // The companion keeps the same days on the calendar.
        let z = ("Z", vec![Some([2.0, 1.0, 1.0]); 40]);
        let together = panel(&[("A", a.clone()), ("B", b), z.clone()]);
        let together = compute(&together, &named(&sources), 3).unwrap();
        let alone = compute(&panel(&[("A", a), z]), &named(&sources[2..]), 1).unwrap();
        let bits = |column: &[f32]| column.iter().map(|v| v.to_bits()).collect::<Vec<_>>();
        let cells = together.cells(0);
        prop_assert_eq!(bits(&together.column(2)[cells]), bits(&alone.column(0)[alone.cells(0)]));
    }
}

/// Operators over parts whose values neither side has to round: what is compared is the operator.
fn over_a_window() -> impl Strategy<Value = String> {
    let part = prop::sample::select(vec![
        "$close",
        "$volume",
        "$close/$open",
        "Ref($close, 3)",
        "Mean($close, 3)",
        "$close > $open",
        "Log($volume)",
    ]);
    let window = prop::sample::select(vec![0usize, 1, 2, 3, 5, 7, 20, 40, 97, 130, 500]);
    let one = prop::sample::select(vec![
        "Mean",
        "Sum",
        "Std",
        "Var",
        "Max",
        "Min",
        "IdxMax",
        "IdxMin",
        "Med",
        "Mad",
        "Rank",
        "Count",
        "Slope",
        "Rsquare",
        "Resi",
        "WMA",
        "Skew",
        "Kurt",
        "EMA",
        "Quantile",
        "Ref",
        "Delta",
        "Product",
        "DecayLinear",
        "Corr",
        "Cov",
    ]);
    (one, part.clone(), part, window).prop_map(|(op, x, y, window)| match op {
        "Skew" | "Kurt" if (1..4).contains(&window) => format!("{op}({x}, 4)"),
        "Product" | "DecayLinear" => format!("{op}({x}/100, {})", window.max(1)),
        "Quantile" => format!("Quantile({x}, {window}, 0.8)"),
        "Delta" => format!("Delta(1*({x}), {window})"),
        "Corr" => format!("Corr({x}, {y}, {})", window.max(1)),
        "Cov" => format!("Cov({x}, {y}, {window})"),
        _ => format!("{op}({x}, {window})"),
    })
}

pub(super) fn long_bars() -> impl Strategy<Value = Vec<Option<[f64; 3]>>> {
    let price =
        || prop_oneof![4 => 1u32..2_000, 1 => Just(700u32)].prop_map(|p| f64::from(p) / 8.0);
    let volume = prop_oneof![1 => Just(0.0), 8 => (1u32..1_000_000).prop_map(f64::from)];
    let bar = (price(), price(), volume).prop_map(|(close, open, volume)| [close, open, volume]);
    prop::collection::vec(prop::option::weighted(0.92, bar), 2..300)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn the_engine_agrees_with_the_judge(
        source in over_a_window(),
        late in long_bars(),
        gap in 0usize..60,
    ) {
        prop_assume!(late.iter().any(Option::is_some));
        let shifted: Vec<_> = std::iter::repeat_n(None, gap).chain(late.clone()).collect();
        let whole = vec![Some([2.0, 1.0, 1.0]); shifted.len()];
        let panel = panel(&[("A", late), ("B", shifted), ("Z", whole)]);
        let exprs = named(&[&source]);
        let frame = compute(&panel, &exprs, 1).unwrap();
        let judged = crate::judge::compute(&panel, exprs[0].expr.root());
        for (instrument, expected) in judged.iter().enumerate() {
            let ours = &frame.column(0)[frame.cells(instrument)];
            let scale = expected.iter().filter(|v| v.is_finite()).fold(0f32, |m, v| m.max(v.abs()));
            for (bar, (a, b)) in ours.iter().zip(expected).enumerate() {
                let same = a == b
                    || (a.is_nan() && b.is_nan())
                    || (a - b).abs() <= 1e-5 * b.abs() + 1e-7 * scale + 1e-8;
                prop_assert!(same, "{source} of {instrument} at {bar}: {a}, judge {b}");
            }
        }
    }
}

const STREAMED: [&str; 12] = [
    "Mean($close, 5)/$close",
    "Std($close, 20)",
    "EMA($close, 7)",
    "Sum($volume, 0)",
    "Corr($close, Log($volume+1), 9)",
    "Quantile($close, 30, 0.8)",
    "Rank($close, 130)",
    "IdxMax($close, 6)",
    "If($close > Ref($close, 1), Slope($close, 4), Med($open, 3))",
    "CSRank(Mean($close, 3))",
    "Mean(CSZScore($close/$open), 4)",
    "RSI($close, 5)",
];

/// The bars of a panel in a range of its calendar.
fn cut(whole: &[(&str, Vec<Option<[f64; 3]>>)], range: std::ops::Range<usize>) -> Panel {
    let mut builder = PanelBuilder::new(["close", "open", "volume"]);
    for (instrument, bars) in whole {
        for bar in range.clone() {
            if let Some(Some(values)) = bars.get(bar) {
                builder.push(PanelRow { instrument, time: day(bar), values }).unwrap();
            }
        }
    }
    builder.build().unwrap()
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(100))]

    #[test]
    fn bar_by_bar_gives_the_bits_of_all_at_once(
        late in long_bars(),
        gap in 0usize..60,
        cuts in prop::collection::vec(1usize..400, 0..6),
        stored in any::<bool>(),
    ) {
        prop_assume!(late.iter().any(Option::is_some));
        let shifted: Vec<_> = std::iter::repeat_n(None, gap).chain(late.clone()).collect();
        let days = shifted.len();
        let whole = [("A", shifted), ("B", late), ("Z", vec![Some([2.0, 1.0, 1.0]); days])];
        let exprs = named(&STREAMED);
        let all = compute(&cut(&whole, 0..days), &exprs, 1).unwrap();
        let mut edges: Vec<usize> = cuts.iter().map(|cut| cut % days).chain([0, days]).collect();
        edges.sort_unstable();
        edges.dedup();
        let mut stream = crate::FactorStream::new(&exprs).unwrap();
        for edge in edges.windows(2) {
            if stored {
                let bytes = stream.save().unwrap();
                let past = cut(&whole, 0..edge[0]);
                stream = crate::FactorStream::restore(&exprs, &bytes, &past).unwrap();
            }
            let panel = cut(&whole, edge[0]..edge[1]);
            let frame = stream.push::<f32>(&panel, 1).unwrap();
            for (at, name) in panel.instruments().iter().enumerate() {
                let instrument = whole.iter().filter(|(_, bars)| bars.iter().any(Option::is_some));
                let place = instrument.map(|(name, _)| *name).position(|known| known == name).unwrap();
                for bar in frame.listed(at) {
                    for (column, source) in STREAMED.iter().enumerate() {
                        let ours = frame.column(column)[frame.cell(at, bar).unwrap()];
                        let theirs = all.column(column)[all.cell(place, edge[0] + bar).unwrap()];
                        let same = ours == theirs || (ours.is_nan() && theirs.is_nan());
                        prop_assert!(
                            same,
                            "{source} of {name} at {}: {ours}, all at once {theirs}",
                            edge[0] + bar
                        );
                    }
                }
            }
        }
    }
}

#[test]
fn a_stream_refuses_what_it_cannot_take_back() {
    let bars = |from: usize, to: usize| cut(&[("A", vec![Some([1.0, 2.0, 3.0]); 9])], from..to);
    let exprs = named(&["Mean($close, 2)"]);
    let mut stream = crate::FactorStream::new(&exprs).unwrap();
    stream.push::<f32>(&bars(0, 5), 1).unwrap();
    let error = stream.push::<f32>(&bars(4, 6), 1).unwrap_err();
    assert_eq!(error.code(), "bars_not_later");
    let bytes = stream.save().unwrap();
    let past = bars(0, 5);
    let restored = |exprs: &[_], bytes: &[u8]| crate::FactorStream::restore(exprs, bytes, &past);
    let other = restored(&named(&["$close"]), &bytes).unwrap_err();
    assert_eq!(other.code(), "state_of_other_expressions");
    let broken = restored(&exprs, &bytes[..bytes.len() / 2]).unwrap_err();
    assert_eq!(broken.code(), "state_unreadable");
    let elsewhere = crate::FactorStream::restore(&exprs, &bytes, &bars(1, 6)).unwrap_err();
    assert_eq!(elsewhere.code(), "bars_of_another_past");
    let ahead = crate::FactorStream::new(&named(&["Ref($close, -1)"])).unwrap_err();
    assert_eq!(ahead.code(), "feature_looks_ahead");
}

#[test]
fn cross_sections_compare_the_instruments_of_a_bar() {
    let bar = |close: f64, group: f64| Some([close, group, 1.0]);
    let panel = panel(&[
        ("A", vec![bar(1.0, 1.0), bar(5.0, 1.0)]),
        ("B", vec![bar(3.0, 1.0), None]),
        ("C", vec![bar(3.0, 2.0), bar(1.0, 2.0)]),
        ("D", vec![bar(9.0, 2.0), bar(2.0, f64::NAN)]),
    ]);
    let sources = [
        "CSRank($close)",
        "CSZScore($close)",
        "CSScale($close, 8)",
        "CSWinsorize($close, 0.25)",
        "CSNeutralize($close, $open)",
    ];
    let frame = compute(&panel, &named(&sources), 2).unwrap();
    let at = |column: usize, bar: usize| -> Vec<f32> {
        (0..4).filter_map(|i| frame.cell(i, bar)).map(|cell| frame.column(column)[cell]).collect()
    };
    assert_eq!(at(0, 0), [0.25, 0.625, 0.625, 1.0]);
    // B has no bar on the second day, and so no part in it.
    assert_eq!(at(0, 1), [1.0, 1.0 / 3.0, 2.0 / 3.0]);
    let z = at(1, 0);
    // numpy: (9 - 4) / std([1, 3, 3, 9], ddof=1)
    assert!((z[3] - 1.443_375_6).abs() < 1e-6, "{z:?}");
    assert_eq!(at(2, 0), [0.5, 1.5, 1.5, 4.5]);
    assert_eq!(at(3, 0), [2.5, 3.0, 3.0, 4.5]);
    assert_eq!(at(4, 0), [-1.0, 1.0, -3.0, 3.0]);
    // D has no group on the second day.
    assert!(at(4, 1)[2].is_nan() && at(4, 1)[..2] == [0.0, 0.0]);
}

#[test]
fn cross_sections_are_of_the_members_of_a_bar() {
    let bar = |close: f64, member: f64| Some([close, 1.0, member]);
    let panel = panel(&[
        ("A", vec![bar(1.0, 1.0), bar(5.0, 1.0), bar(2.0, 1.0)]),
        ("B", vec![bar(3.0, 0.0), bar(4.0, 1.0), bar(6.0, 1.0)]),
        ("C", vec![bar(9.0, 0.5), bar(7.0, 0.0), bar(8.0, f64::NAN)]),
    ]);
    let panel = panel.with_members("volume").unwrap();
    let sources =
        ["CSRank($close)", "CSScale($close, 1)", "Mean($close, 2)", "Ref(CSRank($close), 1)"];
    let frame = compute(&panel, &named(&sources), 2).unwrap();
    let at = |column: usize, bar: usize| -> [f32; 3] {
        [0, 1, 2].map(|i| frame.column(column)[frame.cell(i, bar).unwrap()])
    };
    let same = |found: [f32; 3], expected: [f32; 3]| {
        let equal = found.iter().zip(&expected).all(|(a, b)| a == b || a.is_nan() && b.is_nan());
        assert!(equal, "{found:?} is not {expected:?}");
    };
    same(at(0, 0), [0.5, f32::NAN, 1.0]);
    same(at(0, 1), [1.0, 0.5, f32::NAN]);
    same(at(0, 2), [0.5, 1.0, f32::NAN]);
    same(at(1, 2), [0.25, 0.75, f32::NAN]);
    // Windows reach back to before an instrument joined, and go on after it left.
    same(at(2, 1), [3.0, 3.5, 8.0]);
    same(at(3, 1), [0.5, f32::NAN, 1.0]);
}

#[test]
fn winsorising_survives_any_numbers() {
    let bar = |close: f64| vec![Some([close, 1.0, 1.0])];
    let at_one_bar = |closes: &[f64], source: &str| {
        let names = ["A", "B", "C"];
        let rows: Vec<_> = names.into_iter().zip(closes.iter().map(|&close| bar(close))).collect();
        compute(&panel(&rows), &named(&[source]), 1).unwrap().column(0).to_vec()
    };
    // Bounds that all but meet.
    let clipped = at_one_bar(&[0.1, 0.3, 0.7], "CSWinsorize($close, 0.4999999999)");
    assert!(clipped.iter().all(|value| (value - 0.3).abs() < 1e-6), "{clipped:?}");
    // A span that no double holds.
    let wide = [f64::from(f32::MIN), f64::from(f32::MAX)];
    let clipped = at_one_bar(&wide, "CSWinsorize(Mean($close, 1)*4e269, 0)");
    assert_eq!(clipped, [f32::NEG_INFINITY, f32::INFINITY]);
}
