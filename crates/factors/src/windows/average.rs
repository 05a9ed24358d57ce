use super::apply;

/// Qlib's WMA: weights 1, 2, … over the bars of the window, scaled to sum 1, and the *mean* of the
/// weighted values that exist (not their sum).
pub(crate) fn wma(values: &[f64], window: usize) -> Vec<f64> {
    apply(values, window, |bars| {
        let total = (bars.len() * (bars.len() + 1)) as f64 / 2.0;
        let (mut sum, mut count) = (0.0, 0usize);
        for (i, value) in bars.iter().enumerate().filter(|(_, value)| !value.is_nan()) {
            sum += (i + 1) as f64 / total * value;
            count += 1;
        }
        sum / count as f64
    })
}

/// Exponential mean: `span` of at least 1 is pandas' `ewm(span)`, below 1 its `ewm(alpha)`, both
/// with `adjust=True, ignore_na=False`; 0 weighs all bars so far as Qlib does.
pub(crate) fn ema(values: &[f64], span: f64) -> Vec<f64> {
    if span == 0.0 {
        return apply(values, 0, growing);
    }
    let keep = 1.0 - if span < 1.0 { span } else { 2.0 / (span + 1.0) };
    let (mut mean, mut weight) = (f64::NAN, 1.0);
    let mut step = |&value: &f64| {
        if mean.is_nan() {
            mean = value;
            return mean;
        }
        weight *= keep;
        if !value.is_nan() {
            if mean != value {
                mean = (weight * mean + value) / (weight + 1.0);
            }
            weight += 1.0;
        }
        mean
    };
    values.iter().map(&mut step).collect()
}

fn growing(bars: &[f64]) -> f64 {
    let keep = 1.0 - 2.0 / (1.0 + bars.len() as f64);
    let (mut weight, mut weights, mut sum) = (1.0, 0.0, 0.0);
    for value in bars.iter().rev() {
        weights += weight;
        sum += if value.is_nan() { 0.0 } else { weight * value };
        weight *= keep;
    }
    sum / weights
}

/// WorldQuant's `decay_linear`: weights 1, 2, … scaled to sum 1, where no bar is missing.
pub(crate) fn decay_linear(values: &[f64], window: usize) -> Vec<f64> {
    apply(values, window, |bars| {
        let total = (window * (window + 1)) as f64 / 2.0;
        let sum: f64 = bars.iter().enumerate().map(|(i, value)| (i + 1) as f64 * value).sum();
        if bars.len() < window { f64::NAN } else { sum / total }
    })
}

pub(crate) fn product(values: &[f64], window: usize) -> Vec<f64> {
    apply(values, window, |bars| if bars.len() < window { f64::NAN } else { bars.iter().product() })
}
