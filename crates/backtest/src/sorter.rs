//! Order of equal scores.
//!
//! Qlib sorts scores with pandas' default, numpy's `quicksort`, which keeps no order among equal
//! values; and scores of small tree models are often equal. What numpy does on processors with
//! AVX2 or AVX-512 (its x86-simd-sort, BSD-3-Clause, © Intel) is deterministic: up to 256 values
//! go through a bitonic sorting network, whose outcome does not depend on the vector width. Above
//! that, numpy first partitions around pivots in a way that does depend on it; here longer lists
//! are sorted with equal values in order of position, as pandas' `stable` does.

/// Longest list that numpy sorts by the network alone.
const NETWORK: usize = 256;

/// Scores and where they come from, sorted without allocating anew each day.
#[derive(Debug, Default)]
pub(crate) struct Sorter {
    keys: Vec<f64>,
    items: Vec<u32>,
}

impl Sorter {
    /// Sorts `items` by descending score as `Series.sort_values(ascending=False)` does: NaN last,
    /// in the order given.
    pub(crate) fn descending(&mut self, items: &mut [u32], score: impl Fn(u32) -> f64) {
        self.keys.clear();
        self.items.clear();
        // pandas reverses, sorts ascending and reverses again.
        for &item in items.iter().rev() {
            let key = score(item);
            if !key.is_nan() {
                self.keys.push(key);
                self.items.push(item);
            }
        }
        let missing: Vec<u32> =
            items.iter().copied().filter(|&item| score(item).is_nan()).collect();
        let present = self.keys.len();
        if present <= NETWORK {
            self.network();
        } else {
            self.stable();
        }
        for (slot, &item) in items.iter_mut().zip(self.items[..present].iter().rev()) {
            *slot = item;
        }
        items[present..].copy_from_slice(&missing);
    }

    fn stable(&mut self) {
        let mut pairs: Vec<(f64, u32)> =
            self.keys.iter().copied().zip(self.items.iter().copied()).collect();
        pairs.sort_by(|a, b| a.0.total_cmp(&b.0));
        self.items = pairs.into_iter().map(|(_, item)| item).collect();
    }

    /// Batcher's bitonic network on the next power of two, padded with infinities that no
    /// comparator moves.
    fn network(&mut self) {
        let size = self.keys.len().next_power_of_two();
        self.keys.resize(size, f64::INFINITY);
        self.items.resize(size, u32::MAX);
        let (keys, items) = (&mut self.keys[..], &mut self.items[..]);
        let mut block = 2;
        while block <= size {
            for (keys, items) in keys.chunks_exact_mut(block).zip(items.chunks_exact_mut(block)) {
                mirror(keys, items);
            }
            let mut half = block / 2;
            while half >= 2 {
                for (keys, items) in keys.chunks_exact_mut(half).zip(items.chunks_exact_mut(half)) {
                    half_clean(keys, items);
                }
                half /= 2;
            }
            block *= 2;
        }
    }
}

fn mirror(keys: &mut [f64], items: &mut [u32]) {
    let (low, high) = keys.split_at_mut(keys.len() / 2);
    let (low_items, high_items) = items.split_at_mut(items.len() / 2);
    let pairs = low.iter_mut().zip(high.iter_mut().rev());
    let pair_items = low_items.iter_mut().zip(high_items.iter_mut().rev());
    for ((a, b), (i, j)) in pairs.zip(pair_items) {
        compare_exchange(a, b, i, j);
    }
}

fn half_clean(keys: &mut [f64], items: &mut [u32]) {
    let (low, high) = keys.split_at_mut(keys.len() / 2);
    let (low_items, high_items) = items.split_at_mut(items.len() / 2);
    let pairs = low.iter_mut().zip(high);
    for ((a, b), (i, j)) in pairs.zip(low_items.iter_mut().zip(high_items)) {
        compare_exchange(a, b, i, j);
    }
}

/// Equal keys stay where they are: that is what decides about ties.
#[inline]
fn compare_exchange(a: &mut f64, b: &mut f64, i: &mut u32, j: &mut u32) {
    let (ka, kb, ia, ib) = (*a, *b, *i, *j);
    let swap = ka > kb;
    *a = if swap { kb } else { ka };
    *b = if swap { ka } else { kb };
    *i = if swap { ib } else { ia };
    *j = if swap { ia } else { ib };
}
