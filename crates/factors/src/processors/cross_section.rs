use std::ops::Range;

/// Turns one bar's values of one column, in place.
type Transform = fn(&mut [f32]);

pub(super) fn by_bar(values: &mut [f32], sections: &[Range<usize>], transform: Transform) {
    for section in sections {
        transform(&mut values[section.clone()]);
    }
}

pub(super) fn zscore(values: &mut [f32]) {
    let (mean, count) = mean(values);
    let squares: f64 = present(values).map(|value| (value - mean).powi(2)).sum();
    let first = present(values).next();
    let constant = present(values).all(|value| Some(value) == first);
    let deviation = if constant { 0.0 } else { (squares / (count - 1.0)).sqrt() };
    for value in values {
        // Without spread there is no position within the bar: missing on purpose.
        if deviation.is_nan() || deviation == 0.0 {
            *value = f32::NAN;
            continue;
        }
        *value = ((f64::from(*value) - mean) / deviation) as f32;
    }
}

pub(super) fn rank(values: &mut [f32]) {
    let mut sorted: Vec<f32> = values.iter().copied().filter(|value| !value.is_nan()).collect();
    sorted.sort_unstable_by(f32::total_cmp);
    let count = sorted.len() as f64;
    for value in values.iter_mut().filter(|value| !value.is_nan()) {
        let below = sorted.partition_point(|known| known < value);
        let upto = sorted.partition_point(|known| known <= value);
        let share = (below + 1 + upto) as f64 / 2.0 / count;
        *value = ((share - 0.5) * 3.46) as f32;
    }
}

pub(super) fn fill_mean(values: &mut [f32]) {
    let (mean, count) = mean(values);
    if count > 0.0 {
        for value in values.iter_mut().filter(|value| value.is_nan()) {
            *value = mean as f32;
        }
    }
}

fn present(values: &[f32]) -> impl Iterator<Item = f64> {
    values.iter().filter(|value| !value.is_nan()).map(|&value| f64::from(value))
}

fn mean(values: &[f32]) -> (f64, f64) {
    let count = present(values).count() as f64;
    (present(values).sum::<f64>() / count, count)
}
