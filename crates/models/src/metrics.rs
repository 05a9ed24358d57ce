/// Mean squared error over the rows whose label is finite, summed in row order. `None` without
/// such a row, or when the lengths differ.
pub fn mse(scores: &[f64], label: &[f32]) -> Option<f64> {
    let mut rows = 0u64;
    let mut sum = 0.0;
    for (score, label) in pairs(scores, label)? {
        sum += (score - label) * (score - label);
        rows += 1;
    }
    (rows > 0).then(|| sum / rows as f64)
}

/// The share of rows whose score has the sign of the label, over the rows whose label is finite
/// and not 0; a score of 0 has no sign and is wrong. `None` without such a row, or when the
/// lengths differ. It is meant for the raw label, where 0 means "no change".
pub fn direction_accuracy(scores: &[f64], label: &[f32]) -> Option<f64> {
    let (mut rows, mut right) = (0u64, 0u64);
    for (score, label) in pairs(scores, label)?.filter(|(_, label)| *label != 0.0) {
        rows += 1;
        right += u64::from(if label > 0.0 { score > 0.0 } else { score < 0.0 });
    }
    (rows > 0).then(|| right as f64 / rows as f64)
}

fn pairs(scores: &[f64], label: &[f32]) -> Option<impl Iterator<Item = (f64, f64)>> {
    (scores.len() == label.len()).then(|| {
        let pairs = scores.iter().zip(label);
        pairs
            .filter(|(_, label)| label.is_finite())
            .map(|(score, label)| (*score, f64::from(*label)))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_without_label_do_not_count() {
        let label = [1.0, -1.0, f32::NAN, 0.0, 2.0];
        let scores = [0.5, 1.0, 9.0, 0.0, 0.0];
        assert_eq!(mse(&scores, &label), Some((0.25 + 4.0 + 0.0 + 4.0) / 4.0));
        assert_eq!(direction_accuracy(&scores, &label), Some(1.0 / 3.0));
    }

    #[test]
    fn nothing_to_measure_is_none() {
        assert_eq!(mse(&[], &[]), None);
        assert_eq!(mse(&[1.0], &[f32::NAN]), None);
        assert_eq!(mse(&[1.0], &[1.0, 2.0]), None);
        assert_eq!(direction_accuracy(&[1.0], &[0.0]), None);
    }

    #[test]
    fn a_score_that_is_not_a_number_is_seen() {
        assert!(mse(&[f64::NAN], &[1.0]).is_some_and(f64::is_nan));
        assert_eq!(direction_accuracy(&[f64::NAN, f64::NAN], &[1.0, -1.0]), Some(0.0));
    }

    #[test]
    fn tiny_values_keep_their_sign() {
        assert_eq!(direction_accuracy(&[1e-300], &[f32::MIN_POSITIVE]), Some(1.0));
    }
}
