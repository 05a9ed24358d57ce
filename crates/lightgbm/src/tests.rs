#![allow(clippy::unwrap_used, clippy::expect_used)]

use std::sync::Mutex;

use super::*;

const ROWS: usize = 3_000;
const COLUMNS: usize = 6;

/// A small generator: the crate has no random numbers of its own.
struct Noise(u64);

impl Noise {
    fn next(&mut self) -> f32 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.0 >> 40) as f32 / (1u64 << 24) as f32 - 0.5
    }
}

/// Column-major features with some values missing, and a label made of the first two.
fn sample(seed: u64, rows: usize) -> (Vec<f32>, Vec<f32>) {
    let mut noise = Noise(seed);
    let mut features: Vec<f32> = (0..rows * COLUMNS).map(|_| noise.next()).collect();
    for value in features.iter_mut().skip(3 * rows).step_by(17) {
        *value = f32::NAN;
    }
    let label = (0..rows)
        .map(|row| {
            let (a, b) = (features[row], features[rows + row]);
            2.0 * a + (if b > 0.1 { 1.0 } else { 0.0 }) + 0.1 * noise.next()
        })
        .collect();
    (features, label)
}

fn parameters() -> Parameters {
    Parameters::new()
        .with("objective", "regression")
        .with("metric", "l2")
        .with("num_leaves", 15)
        .with("learning_rate", 0.1)
        .with("deterministic", true)
        .with("force_col_wise", true)
        .with("enable_bundle", false)
        .with("num_threads", 2)
        .with("verbosity", -1)
}

fn dataset(
    features: &[f32],
    label: &[f32],
    init_score: Option<&[f64]>,
    reference: Option<&Dataset>,
) -> Dataset {
    let matrix = Matrix::column_major(features, label.len(), COLUMNS).unwrap();
    let fields = DatasetFields { label, init_score, names: None };
    Dataset::new(matrix, fields, &parameters(), reference).unwrap()
}

fn trained(parameters: &Parameters, rounds: usize) -> (Booster, Vec<f32>) {
    let (features, label) = sample(1, ROWS);
    let mut booster = Booster::new(&dataset(&features, &label, None, None), parameters).unwrap();
    for _ in 0..rounds {
        assert!(!booster.update_one_iter().unwrap());
    }
    (booster, features)
}

#[test]
fn learns_and_evaluates() {
    let (features, label) = sample(1, ROWS);
    let (other, truth) = sample(2, 500);
    let train = dataset(&features, &label, None, None);
    let valid = dataset(&other, &truth, None, Some(&train));
    let mut booster = Booster::new(&train, &parameters()).unwrap();
    booster.add_valid(&valid).unwrap();
    drop((train, valid));
    for _ in 0..80 {
        booster.update_one_iter().unwrap();
    }
    let variance = {
        let mean = truth.iter().sum::<f32>() / 500.0;
        truth.iter().map(|y| f64::from((y - mean).powi(2))).sum::<f64>() / 500.0
    };
    let mut scores = Vec::new();
    for (data, label) in [(0, &label), (1, &truth)] {
        let evaluated = booster.eval(data).unwrap();
        assert_eq!(evaluated.len(), 1);
        assert_eq!(evaluated[0].0, "l2");
        assert!(evaluated[0].1 < 0.1 * variance, "{evaluated:?} of {variance}");
        booster.scores(data, &mut scores).unwrap();
        let squares = label.iter().zip(&scores).map(|(y, s)| (f64::from(*y) - s).powi(2));
        let mse = squares.sum::<f64>() / label.len() as f64;
        assert!((mse - evaluated[0].1).abs() < 1e-9);
    }
    let matrix = Matrix::column_major(&other, 500, COLUMNS).unwrap();
    assert_eq!(booster.predict(matrix, None, 2).unwrap(), scores);
    let gain = booster.feature_importance(ImportanceKind::Gain, None).unwrap();
    let split = booster.feature_importance(ImportanceKind::Split, None).unwrap();
    assert_eq!(split.len(), COLUMNS);
    assert!(gain[0] > 10.0 * gain[2] && gain[1] > 10.0 * gain[2], "{gain:?}");
    assert_eq!(booster.current_iteration().unwrap(), 80);
    booster.rollback().unwrap();
    assert_eq!(booster.current_iteration().unwrap(), 79);
    assert!(booster.eval(2).is_err());
}

#[test]
fn layouts_and_chunks_and_threads_give_one_prediction() {
    let (booster, _) = trained(&parameters(), 20);
    let rows = 40_000;
    let (columns, _) = sample(3, rows);
    let by_column = Matrix::column_major(&columns, rows, COLUMNS).unwrap();
    let mut by_row = Vec::new();
    by_column.copy_rows(0, rows, &mut by_row);
    let matrix = Matrix::row_major(&by_row, rows, COLUMNS).unwrap();
    let whole = booster.predict(matrix, None, 2).unwrap();
    assert_eq!(booster.predict(by_column, None, 1).unwrap(), whole);
    for (at, row) in by_row.chunks(COLUMNS).enumerate().step_by(997) {
        let one = Matrix::row_major(row, 1, COLUMNS).unwrap();
        assert_eq!(booster.predict(one, None, 1).unwrap(), [whole[at]]);
    }
    let (from_rows, label) = sample(1, ROWS);
    let columns = Matrix::column_major(&from_rows, ROWS, COLUMNS).unwrap();
    columns.copy_rows(0, ROWS, &mut by_row);
    let rows = Matrix::row_major(&by_row, ROWS, COLUMNS).unwrap();
    let fields = DatasetFields { label: &label, ..DatasetFields::default() };
    let data = Dataset::new(rows, fields, &parameters(), None).unwrap();
    let mut again = Booster::new(&data, &parameters()).unwrap();
    (0..20).for_each(|_| assert!(!again.update_one_iter().unwrap()));
    assert_eq!(again.text(None).unwrap(), booster.text(None).unwrap());
}

#[test]
fn text_round_trip_and_prefixes() {
    let (booster, features) = trained(&parameters(), 12);
    let matrix = Matrix::column_major(&features, ROWS, COLUMNS).unwrap();
    let text = booster.text(None).unwrap();
    let read = Booster::from_text(&text).unwrap();
    assert_eq!(read.text(None).unwrap(), text);
    assert_eq!(read.predict(matrix, None, 2).unwrap(), booster.predict(matrix, None, 2).unwrap());
    let short = Booster::from_text(&booster.text(Some(5)).unwrap()).unwrap();
    assert_eq!(short.current_iteration().unwrap(), 5);
    assert_eq!(
        short.predict(matrix, None, 2).unwrap(),
        booster.predict(matrix, Some(5), 2).unwrap()
    );
    assert!(booster.text(Some(0)).is_err());
    assert_eq!(booster.predict(matrix, Some(0), 2).unwrap(), vec![0.0; ROWS]);
}

#[test]
fn a_model_from_text_does_not_train() {
    let (booster, features) = trained(&parameters(), 2);
    let mut read = Booster::from_text(&booster.text(None).unwrap()).unwrap();
    assert!(read.update_one_iter().is_err());
    assert!(read.rollback().is_err());
    assert!(read.reset_parameters(&Parameters::new().with("learning_rate", 0.1)).is_err());
    assert!(read.eval(0).is_err());
    let label = vec![0.0; ROWS];
    assert!(read.add_valid(&dataset(&features, &label, None, None)).is_err());
}

/// Least squares without sampling: the scores are the whole state.
#[test]
fn initial_scores_and_merge_continue_a_run() {
    let (features, label) = sample(1, ROWS);
    let (whole, _) = trained(&parameters(), 30);
    let (first, _) = trained(&parameters(), 11);
    let read = Booster::from_text(&first.text(None).unwrap()).unwrap();
    let matrix = Matrix::column_major(&features, ROWS, COLUMNS).unwrap();
    let scores = read.predict(matrix, None, 2).unwrap();
    let data = dataset(&features, &label, Some(&scores), None);
    let mut rest = Booster::new(&data, &parameters()).unwrap();
    rest.merge(&read).unwrap();
    (0..19).for_each(|_| assert!(!rest.update_one_iter().unwrap()));
    assert_eq!(rest.text(None).unwrap(), whole.text(None).unwrap());
}

#[test]
fn refusals_name_the_call_and_the_reason() {
    let (features, label) = sample(1, 100);
    let matrix = Matrix::column_major(&features, 100, COLUMNS).unwrap();
    let data = dataset(&features, &label, None, None);
    let error = Booster::new(&data, &parameters().with("num_leaves", 1)).unwrap_err().to_string();
    assert!(error.contains("LGBM_BoosterCreate") && error.contains("num_leaves"), "{error}");
    assert!(Matrix::column_major(&features, 99, COLUMNS).is_err());
    let short = DatasetFields { label: &label[1..], ..DatasetFields::default() };
    assert!(matches!(
        Dataset::new(matrix, short, &parameters(), None),
        Err(Error::Shape { expected: 100, found: 99, .. })
    ));
    for name in ["", "a b", "a\"", "a\n", "a\0"] {
        let mut names: Vec<String> = (0..COLUMNS).map(|at| format!("f{at}")).collect();
        name.clone_into(&mut names[2]);
        let fields = DatasetFields { label: &label, init_score: None, names: Some(&names) };
        assert!(Dataset::new(matrix, fields, &parameters(), None).is_err(), "{name:?}");
    }
    let (booster, _) = trained(&parameters(), 1);
    let narrow = Matrix::column_major(&features, 200, COLUMNS / 2).unwrap();
    assert!(matches!(booster.predict(narrow, None, 1), Err(Error::Shape { .. })));
}

#[test]
fn the_log_reaches_the_sink_in_lines() {
    static LINES: Mutex<Vec<String>> = Mutex::new(Vec::new());
    set_log_sink(Some(|line| LINES.lock().unwrap().push(line.to_owned())));
    trained(&parameters().with("verbosity", 1), 1);
    set_log_sink(None);
    let lines = LINES.lock().unwrap();
    assert!(lines.iter().any(|line| line.starts_with("[LightGBM] [Info]")), "{lines:?}");
    assert!(lines.iter().all(|line| !line.contains('\n')));
}

#[test]
fn damaged_models_are_refused() {
    let (booster, _) = trained(&parameters(), 3);
    let text = booster.text(None).unwrap();
    for end in (0..text.find("end of trees").unwrap()).step_by(7) {
        assert!(Booster::from_text(&text[..end]).is_err());
    }
    let swaps = [
        ("num_class=1", "num_class=3"),
        ("max_feature_idx=5", "max_feature_idx=0"),
        ("max_feature_idx=5", "max_feature_idx=-1"),
        ("num_leaves=15", "num_leaves=99"),
        ("num_cat=0", "num_cat=1"),
        ("is_linear=0", "is_linear=1"),
        ("left_child=1 ", "left_child=0 "),
        ("left_child=1 ", "left_child=9999999 "),
        ("right_child=", "right_child=7"),
        ("split_feature=", "split_feature=9"),
        ("tree_sizes=", "tree_sizes=9"),
        ("Tree=1", "Tree=2"),
        ("leaf_value=", "leaf_value=x"),
        ("end of trees", "end of"),
    ];
    for (from, to) in swaps {
        assert!(text.contains(from), "{from}");
        assert!(Booster::from_text(&text.replacen(from, to, 1)).is_err(), "{from} → {to}");
    }
}
