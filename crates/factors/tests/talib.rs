//! Indicators against TA-Lib C 0.8.1: its answers on awkward series (made by
//! `scripts/indicator-fixtures.py`), and on a synthetic market, where VWAP and historical volatility
//! are numpy's.
#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::collections::BTreeMap;
use std::fs::File;
use std::path::PathBuf;

use alphafleet_factors::indicators::{INDICATORS, Spec, find};
use alphafleet_factors::{INDICATOR_SET, NamedExpr, compute_double};
use alphafleet_market::{Panel, PanelBuilder, PanelRow};
use arrow::array::{Array, AsArray};
use arrow::datatypes::Float64Type;
use chrono::{DateTime, Days};
use parquet::arrow::arrow_reader::ParquetRecordBatchReaderBuilder;
use serde::Deserialize;

/// Operations, order and fused multiplications are TA-Lib's, so the bits are.
const EXACT: f64 = 0.0;
/// For what numpy sums in another order.
const NUMPY: f64 = 1e-9;

#[derive(Deserialize)]
struct Fixtures {
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    series: String,
    inputs: BTreeMap<String, Vec<f64>>,
    answers: Vec<Answer>,
}

#[derive(Deserialize)]
struct Answer {
    operator: String,
    parameters: Vec<f64>,
    values: Vec<Option<f64>>,
}

type Columns = BTreeMap<String, Vec<f64>>;

fn computed(spec: &Spec, parameters: &[f64], columns: &Columns) -> Vec<f64> {
    let series = |name: &&str| columns[if *name == "x" { "close" } else { name }].as_slice();
    let inputs: Vec<&[f64]> = spec.inputs.iter().map(series).collect();
    let mut machine = spec.build(parameters).unwrap();
    let mut column = vec![0.0; inputs[0].len()];
    let mut outputs: Vec<&mut [f64]> = (0..spec.outputs).map(|_| Default::default()).collect();
    outputs[spec.output] = &mut column;
    machine.run(&inputs, &mut outputs).unwrap();
    column
}

/// The first bar where the two differ by more than `tolerance` of the value.
fn difference(ours: &[f64], theirs: &[f64], tolerance: f64) -> Option<String> {
    assert_eq!(ours.len(), theirs.len());
    let wrong = |(_, (a, b)): &(usize, (&f64, &f64))| {
        let fits = (*a - *b).abs() <= tolerance * b.abs();
        a.is_nan() != b.is_nan() || (!b.is_nan() && !fits)
    };
    let (bar, (a, b)) = ours.iter().zip(theirs).enumerate().find(wrong)?;
    Some(format!("bar {bar}: {a:e} for {b:e}"))
}

fn fixtures() -> Fixtures {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/talib_indicators.json");
    serde_json::from_reader(File::open(path).unwrap()).unwrap()
}

#[test]
fn awkward_series_are_answered_as_by_talib() {
    let fixtures = fixtures();
    let mut wrong = vec![];
    let mut answers = 0;
    for case in &fixtures.cases {
        for answer in &case.answers {
            let spec = find(&answer.operator).unwrap();
            let ours = computed(spec, &answer.parameters, &case.inputs);
            let theirs: Vec<f64> =
                answer.values.iter().map(|value| value.unwrap_or(f64::NAN)).collect();
            let found = difference(&ours, &theirs, EXACT);
            let named = format!("{} {}{:?}", case.series, answer.operator, answer.parameters);
            wrong.extend(found.map(|found| format!("{named}: {found}")));
            answers += 1;
        }
    }
    assert!(answers > 700, "{answers}");
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// One instrument with these series.
fn panel(columns: &Columns) -> Panel {
    let names: Vec<&str> = columns.keys().map(String::as_str).collect();
    let mut builder = PanelBuilder::new(names);
    for bar in 0..columns["close"].len() {
        let values: Vec<f64> = columns.values().map(|series| series[bar]).collect();
        let time = DateTime::UNIX_EPOCH.naive_utc() + Days::new(bar as u64);
        builder.push(PanelRow { instrument: "A", time, values: &values }).unwrap();
    }
    builder.build().unwrap()
}

/// The indicator over the fields it wants, as an expression.
fn expression(spec: &Spec, parameters: &[f64]) -> NamedExpr {
    let field = |name: &&str| format!("${}", if *name == "x" { "close" } else { name });
    let fields = spec.inputs.iter().map(field);
    let arguments: Vec<String> = fields.chain(parameters.iter().map(f64::to_string)).collect();
    let source = format!("{}({})", spec.name, arguments.join(", "));
    NamedExpr::parse(&source, &source).unwrap()
}

#[test]
fn the_engine_answers_as_talib_alone_and_beside_the_others() {
    let mut wrong = vec![];
    for case in &fixtures().cases {
        let panel = panel(&case.inputs);
        let expr =
            |answer: &Answer| expression(find(&answer.operator).unwrap(), &answer.parameters);
        let exprs: Vec<NamedExpr> = case.answers.iter().map(expr).collect();
        let together = compute_double(&panel, &exprs, 1).unwrap();
        for (column, (answer, expr)) in case.answers.iter().zip(&exprs).enumerate() {
            let theirs: Vec<f64> =
                answer.values.iter().map(|value| value.unwrap_or(f64::NAN)).collect();
            let alone = compute_double(&panel, std::slice::from_ref(expr), 1).unwrap();
            for ours in [together.column(column), alone.column(0)] {
                let found = difference(ours, &theirs, EXACT);
                wrong.extend(found.map(|found| format!("{} {}: {found}", case.series, expr.name)));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

/// VWAP and historical volatility are not TA-Lib's.
#[test]
fn talib_was_asked_about_the_smallest_window_of_every_indicator() {
    let fixtures = fixtures();
    let answers = &fixtures.cases[0].answers;
    for spec in INDICATORS.iter().filter(|spec| !["VWAP", "HV"].contains(&spec.name)) {
        let whole = |index: usize| spec.parameters[index].whole;
        let smallest = |answer: &&Answer| {
            let fits = |(index, value): (usize, &f64)| {
                !whole(index) || *value == spec.parameters[index].min
            };
            answer.operator == spec.name && answer.parameters.iter().enumerate().all(fits)
        };
        assert!(answers.iter().any(|answer| smallest(&answer)), "{}", spec.name);
    }
}

#[test]
fn every_indicator_has_the_values_of_its_machine_at_its_smallest_window() {
    let fixtures = fixtures();
    let columns = &fixtures.cases[0].inputs;
    let panel = panel(columns);
    for spec in INDICATORS {
        let least = |parameter: &alphafleet_factors::indicators::Parameter| {
            if parameter.whole { parameter.min } else { parameter.default }
        };
        let parameters: Vec<f64> = spec.parameters.iter().map(least).collect();
        let frame = compute_double(&panel, &[expression(spec, &parameters)], 1).unwrap();
        let expected = computed(spec, &parameters, columns);
        assert!(expected.iter().any(|value| !value.is_nan()), "{}", spec.name);
        assert_eq!(difference(frame.column(0), &expected, EXACT), None, "{}", spec.name);
    }
}

/// The folder of references, or `None` where the machine has none; continuous integration must.
fn golden() -> Option<PathBuf> {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../../shared/golden/talib");
    let path = PathBuf::from(path);
    if path.is_dir() {
        return Some(path);
    }
    assert!(std::env::var("CI").is_err(), "{} is missing", path.display());
    eprintln!("skipped: {} is missing", path.display());
    None
}

/// All columns of numbers, by symbol.
fn read(file: PathBuf) -> BTreeMap<String, Columns> {
    let reader = ParquetRecordBatchReaderBuilder::try_new(File::open(file).unwrap()).unwrap();
    let mut symbols = BTreeMap::<String, Columns>::new();
    for batch in reader.build().unwrap().map(Result::unwrap) {
        let names = arrow::compute::cast(
            batch.column_by_name("symbol").unwrap(),
            &arrow::datatypes::DataType::Utf8,
        )
        .unwrap();
        let names = names.as_string::<i32>();
        for (field, column) in batch.schema().fields().iter().zip(batch.columns()) {
            let Some(column) = column.as_primitive_opt::<Float64Type>() else { continue };
            for row in 0..batch.num_rows() {
                let value = if column.is_null(row) { f64::NAN } else { column.value(row) };
                let columns = symbols.entry(names.value(row).to_owned()).or_default();
                columns.entry(field.name().clone()).or_default().push(value);
            }
        }
    }
    symbols
}

/// An expression of the set that is one operator over fields and numbers.
fn parsed(source: &str) -> (&'static Spec, Vec<f64>) {
    let (name, arguments) = source.trim_end_matches(')').split_once('(').unwrap();
    let spec = find(name).unwrap();
    let (fields, numbers): (Vec<&str>, Vec<&str>) =
        arguments.split(", ").partition(|argument| argument.starts_with('$'));
    let expected = |input: &&str| if *input == "x" { "$close".into() } else { format!("${input}") };
    assert_eq!(fields, spec.inputs.iter().map(expected).collect::<Vec<String>>(), "{source}");
    (spec, numbers.into_iter().map(|number| number.parse().unwrap()).collect())
}

#[test]
fn a_market_is_answered_as_by_talib() {
    let Some(folder) = golden() else { return };
    let inputs = read(folder.join("talib_input.parquet"));
    let references = read(folder.join("talib_outputs.parquet"));
    assert_eq!(inputs.len(), 3);
    let mut wrong = vec![];
    for (symbol, columns) in &inputs {
        assert!(columns["close"].len() > 1_000);
        for (name, theirs) in &references[symbol] {
            let source = INDICATOR_SET.iter().find(|(known, _)| known == name).unwrap().1;
            let (spec, parameters) = parsed(source);
            let ours = computed(spec, &parameters, columns);
            let numpy = ["VWAP", "HV"].contains(&spec.name);
            let found = difference(&ours, theirs, if numpy { NUMPY } else { EXACT });
            wrong.extend(found.map(|found| format!("{symbol} {name}: {found}")));
        }
        assert_eq!(references[symbol].len(), 16);
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}
