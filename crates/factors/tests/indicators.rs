//! What holds of every indicator: one code for batch and stream, missing bars, parameters.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::{BTreeMap, BTreeSet};

use alphafleet_factors::indicators::{INDICATORS, IndicatorError, Machine, Spec, find};
use alphafleet_factors::{INDICATOR_SET, NamedExpr, compute_double, indicator_sources};
use alphafleet_market::{PanelBuilder, PanelRow, SyntheticMarket};
use chrono::{DateTime, Days};
use proptest::prelude::*;

/// A series for each of a machine's inputs.
type Series = Vec<Vec<f64>>;

fn run(machine: &mut Machine, series: &[&[f64]]) -> Series {
    let bars = series[0].len();
    let mut columns = vec![vec![0.0; bars]; machine.outputs()];
    let mut outputs: Vec<&mut [f64]> = columns.iter_mut().map(Vec::as_mut_slice).collect();
    machine.run(series, &mut outputs).unwrap();
    columns
}

fn slices(series: &Series, from: usize, to: usize) -> Vec<&[f64]> {
    series.iter().map(|column| &column[from..to]).collect()
}

fn bits(columns: &Series) -> Vec<Vec<u64>> {
    columns.iter().map(|column| column.iter().map(|value| value.to_bits()).collect()).collect()
}

/// Parameters in range, with windows a short series can fill.
fn parameters(spec: &Spec, seed: u64) -> Vec<f64> {
    let value = |(index, parameter): (usize, &alphafleet_factors::indicators::Parameter)| {
        let step = ((seed >> (8 * index)) % 9) as f64;
        if parameter.whole { parameter.min + step } else { parameter.default * (1.0 + step) }
    };
    spec.parameters.iter().enumerate().map(value).collect()
}

fn value() -> impl Strategy<Value = f64> {
    prop_oneof![
        8 => 1.0..100.0f64,
        4 => (1..5u8).prop_map(f64::from),
        1 => Just(0.0),
        1 => Just(f64::NAN),
        1 => prop_oneof![Just(f64::INFINITY), Just(-7.5), Just(1e30), Just(1e300), Just(5e-324)],
    ]
}

fn series() -> impl Strategy<Value = Series> {
    (0..80usize).prop_flat_map(|bars| {
        proptest::collection::vec(proptest::collection::vec(value(), bars), 4)
    })
}

/// 50.123 has no float32: rounded to one, a price is not its own average.
#[test]
fn a_field_beside_an_indicator_is_in_double_precision_as_the_indicator_reads_it() {
    let mut builder = PanelBuilder::new(["close"]);
    for bar in 0..12 {
        let time = DateTime::UNIX_EPOCH.naive_utc() + Days::new(bar);
        builder.push(PanelRow { instrument: "A", time, values: &[50.123] }).unwrap();
    }
    let panel = builder.build().unwrap();
    let last = |source: &str| {
        let expr = NamedExpr::parse("x", source).unwrap();
        compute_double(&panel, &[expr], 1).unwrap().column(0)[11]
    };
    for (source, expected) in [
        ("$close-SMA($close, 1)", 0.0),
        ("SMA($close, 1)-$close", 0.0),
        ("If($close > SMA($close, 1), 1, 0)", 0.0),
        ("If(SMA($close, 1) == $close, 1, 0)", 1.0),
        ("$close/(SMA($close, 1)*1)", 1.0),
        ("Ref($close, 1)-SMA($close, 1)", 0.0),
        ("$close-SMA(Ref($close, 2), 1)", 0.0),
        ("If($close > 0, $close, SMA($close, 1))", 50.123),
        ("Greater($close, SMA($close, 1))", 50.123),
        ("$close > BBUpper($close, 5, 0)", 0.0),
        // No indicator: Qlib's single precision.
        ("$close-Mean($close, 1)", 0.0),
        ("$close*1", f64::from(50.123f32)),
        ("Mean($close, 1)", f64::from(50.123f32)),
        ("If(SMA($close, 1) > 0, $close, 0)", f64::from(50.123f32)),
    ] {
        assert_eq!(last(source), expected, "{source}");
    }
    assert!(last("$close-SMA($close, 5)").abs() < 1e-13);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_run_may_stop_and_go_on_anywhere(
        series in series(), cut in any::<prop::sample::Index>(), seed in any::<u64>(),
    ) {
        for spec in INDICATORS {
            let series: Series = series[..spec.inputs.len()].to_vec();
            let bars = series[0].len();
            let cut = cut.index(bars + 1);
            let fresh = spec.build(&parameters(spec, seed)).unwrap();
            let whole = run(&mut fresh.clone(), &slices(&series, 0, bars));

            let mut machine = fresh.clone();
            let mut parts = run(&mut machine, &slices(&series, 0, cut));
            let stored = serde_json::to_string(&machine).unwrap();
            let mut restored: Machine = serde_json::from_str(&stored).unwrap();
            prop_assert_eq!(&restored, &machine);
            for (part, rest) in parts.iter_mut().zip(run(&mut restored, &slices(&series, cut, bars))) {
                part.extend(rest);
            }
            prop_assert_eq!(bits(&parts), bits(&whole), "{}", spec.name);

            let mut live = fresh;
            let mut streamed = vec![vec![]; spec.outputs];
            for bar in 0..bars {
                let values: Vec<f64> = series.iter().map(|column| column[bar]).collect();
                let mut outputs = vec![0.0; spec.outputs];
                live.next(&values, &mut outputs).unwrap();
                streamed.iter_mut().zip(outputs).for_each(|(column, value)| column.push(value));
            }
            prop_assert_eq!(bits(&streamed), bits(&whole), "{}", spec.name);
        }
    }

    #[test]
    fn a_missing_bar_leaves_no_trace(series in series(), seed in any::<u64>()) {
        for spec in INDICATORS {
            let series: Series = series[..spec.inputs.len()].to_vec();
            let bars = series[0].len();
            let exists = |bar: &usize| series.iter().all(|column| column[*bar].abs() <= 3e37);
            let present: Vec<usize> = (0..bars).filter(exists).collect();
            let compact: Series = series
                .iter()
                .map(|column| present.iter().map(|&bar| column[bar]).collect())
                .collect();

            let fresh = spec.build(&parameters(spec, seed)).unwrap();
            let all = run(&mut fresh.clone(), &slices(&series, 0, bars));
            let dense = run(&mut fresh.clone(), &slices(&compact, 0, present.len()));
            for (all, dense) in all.iter().zip(&dense) {
                let kept: Vec<u64> = present.iter().map(|&bar| all[bar].to_bits()).collect();
                let dense: Vec<u64> = dense.iter().map(|value| value.to_bits()).collect();
                prop_assert_eq!(kept, dense, "{}", spec.name);
                prop_assert!((0..bars).all(|bar| present.contains(&bar) || all[bar].is_nan()));
            }
        }
    }

    /// From their definitions, with nothing kept from bar to bar.
    #[test]
    fn vwap_and_volatility_are_what_they_are_defined_as(
        bars in proptest::collection::vec((1.0..90.0f64, 0..4u8), 1..60), window in 2..12usize,
    ) {
        let price: Vec<f64> = bars.iter().map(|bar| bar.0).collect();
        // Volumes of very different sizes, and none.
        let volume: Vec<f64> = bars.iter().map(|bar| [0.0, 1.0, 1e6, 1e15][bar.1 as usize]).collect();
        let mut vwap = find("VWAP").unwrap().build(&[window as f64]).unwrap();
        let vwap = run(&mut vwap, &[&price, &price, &price, &volume]);
        let mut volatility = find("HV").unwrap().build(&[window as f64, 252.0]).unwrap();
        let volatility = run(&mut volatility, &[&price]);
        for bar in 0..bars.len() {
            let expected = expected_vwap(&price[..=bar], &volume[..=bar], window);
            prop_assert!(close(vwap[0][bar], expected), "{} for {expected}", vwap[0][bar]);
            let expected = expected_volatility(&price[..=bar], window);
            prop_assert!(close(volatility[0][bar], expected), "{expected}");
        }
    }

    /// A stored state is a file: anyone may have edited it.
    #[test]
    fn an_edited_state_is_refused_or_runs(series in series(), seed in any::<u64>(), edit in 0..40usize) {
        for spec in INDICATORS {
            let series: Series = series[..spec.inputs.len()].to_vec();
            let mut machine = spec.build(&parameters(spec, seed)).unwrap();
            run(&mut machine, &slices(&series, 0, series[0].len()));
            let mut stored = serde_json::to_value(&machine).unwrap();
            let mut left = edit;
            spoil(&mut stored, &mut left, &serde_json::json!(u64::MAX >> (seed % 64)));
            if let Ok(mut machine) = serde_json::from_value::<Machine>(stored) {
                run(&mut machine, &slices(&series, 0, series[0].len()));
            }
        }
    }
}

/// Puts `value` in the place of the number that comes `left`-th.
fn spoil(stored: &mut serde_json::Value, left: &mut usize, value: &serde_json::Value) {
    match stored {
        serde_json::Value::Number(_) if *left == 0 => {
            *stored = value.clone();
            *left = usize::MAX;
        }
        serde_json::Value::Number(_) => *left = left.saturating_sub(1),
        serde_json::Value::Array(items) => {
            items.iter_mut().for_each(|item| spoil(item, left, value))
        }
        serde_json::Value::Object(fields) => {
            fields.values_mut().for_each(|field| spoil(field, left, value));
        }
        _ => {}
    }
}

fn close(ours: f64, theirs: f64) -> bool {
    ours.is_nan() && theirs.is_nan() || (ours - theirs).abs() <= 1e-9 * theirs.abs() + 1e-7
}

fn expected_vwap(price: &[f64], volume: &[f64], window: usize) -> f64 {
    let Some(from) = price.len().checked_sub(window) else { return f64::NAN };
    let turnover: f64 = price[from..].iter().zip(&volume[from..]).map(|(p, v)| p * v).sum();
    turnover / volume[from..].iter().sum::<f64>()
}

fn expected_volatility(price: &[f64], window: usize) -> f64 {
    let Some(from) = price.len().checked_sub(window + 1) else { return f64::NAN };
    let returns: Vec<f64> = price[from..].windows(2).map(|pair| (pair[1] / pair[0]).ln()).collect();
    let mean = returns.iter().sum::<f64>() / window as f64;
    let squares: f64 = returns.iter().map(|value| (value - mean).powi(2)).sum();
    (squares / (window as f64 - 1.0) * 252.0).sqrt()
}

#[test]
fn operators_are_unique_and_share_machines_without_overlap() {
    let names: BTreeSet<&str> = INDICATORS.iter().map(|spec| spec.name).collect();
    assert_eq!(names.len(), INDICATORS.len());
    let mut families = BTreeMap::<&str, BTreeSet<usize>>::new();
    for spec in INDICATORS {
        let machine = spec.build(&[]).unwrap();
        assert_eq!(machine.inputs(), spec.inputs.len(), "{}", spec.name);
        assert_eq!(machine.outputs(), spec.outputs, "{}", spec.name);
        assert!(families.entry(spec.family).or_default().insert(spec.output), "{}", spec.name);
        assert_eq!(find(spec.name).unwrap().name, spec.name);
    }
    for spec in INDICATORS {
        assert_eq!(families[spec.family].len(), spec.outputs, "{}", spec.family);
    }
    assert!(find("sma").is_none());
}

#[test]
fn the_set_writes_out_every_default_and_names_each_operator_once() {
    let mut operators = BTreeSet::new();
    for (name, source) in INDICATOR_SET {
        let (operator, arguments) = source.trim_end_matches(')').split_once('(').unwrap();
        let spec = find(operator).unwrap();
        let numbers: Vec<f64> =
            arguments.split(", ").filter_map(|argument| argument.parse().ok()).collect();
        assert_eq!(numbers, spec.complete(&[]).unwrap(), "{name}");
        assert!(operators.insert(operator));
    }
    assert_eq!(operators.len(), INDICATORS.len());
    assert_eq!(indicator_sources().len(), INDICATOR_SET.len());
}

/// Over a market with late listings and suspensions, many instruments at a time.
#[test]
fn the_engine_answers_what_each_indicator_does_alone() {
    let settings = SyntheticMarket {
        instruments: 21,
        bars: 700,
        late_listings: 0.3,
        suspension: 0.01,
        ..SyntheticMarket::default()
    };
    let panel = settings.generate().unwrap();
    let exprs = INDICATOR_SET.map(|(name, source)| NamedExpr::parse(name, source).unwrap());
    let frame = compute_double(&panel, &exprs, 2).unwrap();
    for (column, (name, source)) in INDICATOR_SET.iter().enumerate() {
        let (operator, arguments) = source.trim_end_matches(')').split_once('(').unwrap();
        let (fields, numbers): (Vec<&str>, Vec<&str>) =
            arguments.split(", ").partition(|argument| argument.starts_with('$'));
        let numbers: Vec<f64> = numbers.iter().map(|number| number.parse().unwrap()).collect();
        let spec = find(operator).unwrap();
        for instrument in 0..frame.instruments() {
            let listed = frame.listed(instrument);
            let series: Vec<&[f64]> = fields
                .iter()
                .map(|field| &panel.series(&field[1..], instrument).unwrap()[listed.clone()])
                .collect();
            let alone = run(&mut spec.build(&numbers).unwrap(), &series);
            let together = &frame.column(column)[frame.cells(instrument)];
            let wrong = alone[spec.output]
                .iter()
                .zip(together)
                .position(|(a, b)| a.to_bits() != b.to_bits() && !(a.is_nan() && b.is_nan()));
            assert_eq!(wrong, None, "{name} of instrument {instrument}");
        }
    }
}

#[test]
fn parameters_out_of_range_are_refused_by_name() {
    let refused = |name: &str, given: &[f64]| find(name).unwrap().build(given).unwrap_err();
    for (name, given, message) in [
        ("SMA", &[0.0][..], "SMA: window must be a whole number from 1 to 10000000, not 0"),
        ("SMA", &[2.5], "SMA: window must be a whole number from 1 to 10000000, not 2.5"),
        ("SMA", &[f64::NAN], "SMA: window must be a whole number from 1 to 10000000, not NaN"),
        ("RSI", &[1.0], "RSI: window must be a whole number from 2 to 10000000, not 1"),
        ("ADX", &[1e9], "ADX: window must be a whole number from 2 to 10000000, not 1000000000"),
        (
            "MACD",
            &[12.0, 26.0, 0.0],
            "MACD: signal must be a whole number from 1 to 10000000, not 0",
        ),
        (
            "HV",
            &[20.0, f64::INFINITY],
            "HV: periods_per_year must be a number from 1 to 1000000000, not inf",
        ),
    ] {
        assert_eq!(refused(name, given).to_string(), message);
        assert_eq!(refused(name, given).code(), "parameter_out_of_range");
    }
    assert_eq!(refused("OBV", &[1.0]).to_string(), "OBV takes at most 0 numbers, 1 are given");
    assert_eq!(refused("OBV", &[1.0]).code(), "too_many_parameters");
}

#[test]
fn a_block_of_the_wrong_shape_is_refused_and_changes_nothing() {
    let mut machine = find("ATR").unwrap().build(&[2.0]).unwrap();
    let fresh = machine.clone();
    let (three, two) = ([1.0; 3], [1.0; 2]);
    let (mut a, mut b) = ([0.0; 3], [0.0; 2]);
    let mut refused = |inputs: &[&[f64]], outputs: &mut [&mut [f64]]| {
        let error = machine.run(inputs, outputs).unwrap_err();
        assert_eq!(machine, fresh);
        error
    };
    assert_eq!(
        refused(&[&three, &three], &mut [&mut a, &mut []]),
        IndicatorError::InputCount { expected: 3, found: 2 }
    );
    assert_eq!(
        refused(&[&three, &three, &three], &mut [&mut a]),
        IndicatorError::OutputCount { expected: 2, found: 1 }
    );
    let mismatch = IndicatorError::LengthMismatch { expected: 3, found: 2 };
    assert_eq!(refused(&[&three, &two, &three], &mut [&mut a, &mut []]), mismatch);
    assert_eq!(refused(&[&three, &three, &three], &mut [&mut a, &mut b]), mismatch);
}

/// The longest window asked for takes memory only for the bars there are.
#[test]
fn memory_follows_the_bars_seen() {
    for spec in INDICATORS {
        let longest: Vec<f64> = spec
            .parameters
            .iter()
            .map(|parameter| if parameter.whole { parameter.max } else { parameter.default })
            .collect();
        let mut machine = spec.build(&longest).unwrap();
        let series = vec![vec![3.0; 50]; spec.inputs.len()];
        run(&mut machine, &slices(&series, 0, 50));
        assert!(serde_json::to_string(&machine).unwrap().len() < 2_000, "{}", spec.name);
    }
}
