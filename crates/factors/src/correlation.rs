//! Pearson's and Spearman's correlation of one cross-section.

/// Pearson's correlation, or `None` where it is not defined.
pub fn pearson(x: &[f64], y: &[f64]) -> Option<f64> {
    let varies = |values: &[f64]| values.iter().any(|value| *value != values[0]);
    if x.len() != y.len() || x.len() < 2 || !varies(x) || !varies(y) {
        return None;
    }
    let count = x.len() as f64;
    let (mean_x, mean_y) = (x.iter().sum::<f64>() / count, y.iter().sum::<f64>() / count);
    let (mut xx, mut yy, mut xy) = (0.0, 0.0, 0.0);
    for (x, y) in x.iter().zip(y) {
        let (dx, dy) = (x - mean_x, y - mean_y);
        xx += dx * dx;
        yy += dy * dy;
        xy += dx * dy;
    }
    let correlation = xy / (xx.sqrt() * yy.sqrt());
    correlation.is_finite().then(|| correlation.clamp(-1.0, 1.0))
}

/// Spearman's correlation, or `None` where it is not defined. Neither may hold a NaN.
pub(crate) fn spearman(x: &[f32], y: &[f32]) -> Option<f64> {
    pearson(&ranks(x), &ranks(y))
}

/// Ranks from 1, equals sharing their mean rank. `values` holds no NaN.
pub(crate) fn ranks(values: &[f32]) -> Vec<f64> {
    let mut order = vec![];
    ascending(values, &mut vec![], &mut order);
    let mut ranks = vec![0.0; values.len()];
    mean_ranks(values, &order, |at, rank| ranks[at] = f64::from(rank));
    ranks
}

/// The indices of the values that are not NaN, by rising value, equals by index. `keys` is room to
/// sort in.
pub(crate) fn ascending(values: &[f32], keys: &mut Vec<u64>, order: &mut Vec<u32>) {
    keys.clear();
    let present = values.iter().enumerate().filter(|(_, value)| !value.is_nan());
    keys.extend(present.map(|(at, &value)| u64::from(monotone(value)) << 32 | at as u64));
    keys.sort_unstable();
    order.clear();
    order.extend(keys.iter().map(|&key| key as u32));
}

/// Bits that compare as the number does; both zeros are one.
fn monotone(value: f32) -> u32 {
    let bits = (value + 0.0).to_bits();
    if bits >> 31 == 1 { !bits } else { bits | 1 << 31 }
}

/// Tells `put` the rank from 1 of each index in `order`, which is by rising value; equals share
/// their mean rank. A rank is a whole or half number, exact up to 8 million values.
pub(crate) fn mean_ranks(values: &[f32], order: &[u32], mut put: impl FnMut(usize, f32)) {
    let mut below = 0;
    for equals in order.chunk_by(|&a, &b| values[a as usize] == values[b as usize]) {
        let rank = (2 * below + 1 + equals.len()) as f32 / 2.0;
        for &at in equals {
            put(at as usize, rank);
        }
        below += equals.len();
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equals_share_their_mean_rank() {
        let values = [3.0, -1.0, 3.0, 0.0, -0.0, f32::INFINITY, f32::NEG_INFINITY];
        assert_eq!(ranks(&values), [5.5, 2.0, 5.5, 3.5, 3.5, 7.0, 1.0]);
    }

    #[test]
    fn missing_values_have_no_place() {
        let mut order = vec![];
        ascending(&[2.0, f32::NAN, -5.0, -f32::NAN, 2.0], &mut vec![], &mut order);
        assert_eq!(order, [2, 0, 4]);
    }

    #[test]
    fn spearman_sees_the_order_alone() {
        let found = spearman(&[1.0, 2.0, 30.0], &[0.0, 0.1, 7.0]);
        assert!(found.is_some_and(|found| (found - 1.0).abs() < 1e-12), "{found:?}");
        assert_eq!(spearman(&[1.0, 2.0], &[5.0, 5.0]), None);
    }
}
