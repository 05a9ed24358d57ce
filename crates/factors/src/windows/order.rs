use std::collections::VecDeque;

use super::apply;

pub(crate) fn max(values: &[f64], window: usize) -> Vec<f64> {
    extreme(values, window, |newer, older| newer >= older)
}

pub(crate) fn min(values: &[f64], window: usize) -> Vec<f64> {
    extreme(values, window, |newer, older| newer <= older)
}

/// Keeps the bars that can still become the extreme, best first.
fn extreme(values: &[f64], window: usize, beats: impl Fn(f64, f64) -> bool) -> Vec<f64> {
    let mut best: VecDeque<usize> = VecDeque::new();
    let mut result = Vec::with_capacity(values.len());
    for (bar, &value) in values.iter().enumerate() {
        if window > 0 && best.front().is_some_and(|&oldest| oldest + window <= bar) {
            best.pop_front();
        }
        if !value.is_nan() {
            while best.back().is_some_and(|&last| beats(value, values[last])) {
                best.pop_back();
            }
            best.push_back(bar);
        }
        result.push(best.front().map_or(f64::NAN, |&bar| values[bar]));
    }
    result
}

/// Position of the largest value in the window, from 1; the first of equals. As numpy does it, a
/// missing value counts as the largest.
pub(crate) fn arg_max(values: &[f64], window: usize) -> Vec<f64> {
    apply(values, window, |bars| position(bars, |value, best| value > best))
}

/// Position of the smallest value; otherwise like [`arg_max`], missing values first again.
pub(crate) fn arg_min(values: &[f64], window: usize) -> Vec<f64> {
    apply(values, window, |bars| position(bars, |value, best| value < best))
}

fn position(bars: &[f64], beats: impl Fn(f64, f64) -> bool) -> f64 {
    let mut best = 0;
    for (i, &value) in bars.iter().enumerate() {
        if value.is_nan() {
            return (i + 1) as f64;
        }
        if beats(value, bars[best]) {
            best = i;
        }
    }
    (best + 1) as f64
}

/// Number of values in the window; 0 where there is none.
pub(crate) fn count(values: &[f64], window: usize) -> Vec<f64> {
    let mut present = 0usize;
    let mut result = Vec::with_capacity(values.len());
    for (bar, value) in values.iter().enumerate() {
        present += usize::from(!value.is_nan());
        if window > 0 && bar >= window {
            present -= usize::from(!values[bar - window].is_nan());
        }
        result.push(present as f64);
    }
    result
}

/// Linear interpolation between the two neighbours of the quantile's place.
pub(crate) fn quantile(values: &[f64], window: usize, q: f64) -> Vec<f64> {
    sorted(values, window, |sorted, _| {
        let place = q * (sorted.len() - 1) as f64;
        let below = place as usize;
        let low = sorted[below];
        match sorted.get(below + 1) {
            Some(high) if place > below as f64 => low + (high - low) * (place - below as f64),
            _ => low,
        }
    })
}

pub(crate) fn median(values: &[f64], window: usize) -> Vec<f64> {
    sorted(values, window, |sorted, _| {
        let half = sorted.len() / 2;
        if sorted.len() % 2 == 1 { sorted[half] } else { (sorted[half - 1] + sorted[half]) / 2.0 }
    })
}

/// Rank of the newest value as a share of the values in the window; equals share their mean rank.
pub(crate) fn rank(values: &[f64], window: usize) -> Vec<f64> {
    sorted(values, window, |sorted, newest| {
        if newest.is_nan() {
            return f64::NAN;
        }
        let below = sorted.partition_point(|&value| value < newest);
        let upto = sorted.partition_point(|&value| value <= newest);
        (below + 1 + upto) as f64 / 2.0 / sorted.len() as f64
    })
}

/// Hands every window's values, ascending, and its newest bar to a function.
fn sorted(values: &[f64], window: usize, function: impl Fn(&[f64], f64) -> f64) -> Vec<f64> {
    let mut sorted: Vec<f64> = Vec::new();
    let mut result = Vec::with_capacity(values.len());
    for (bar, &value) in values.iter().enumerate() {
        if window > 0 && bar >= window && !values[bar - window].is_nan() {
            let gone = values[bar - window];
            sorted.remove(sorted.partition_point(|&known| known < gone));
        }
        if !value.is_nan() {
            sorted.insert(sorted.partition_point(|&known| known < value), value);
        }
        let empty = sorted.is_empty();
        result.push(if empty { f64::NAN } else { function(&sorted, value) });
    }
    result
}
