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
/// Bits of a packed place.
const PLACE_BITS: u32 = 16;

/// Sorts instruments by score, without allocating anew each day.
#[derive(Debug, Default)]
pub(crate) struct Sorter {
    pairs: Vec<(f64, u32)>,
    ranks: Vec<i32>,
    missing: Vec<u32>,
}

impl Sorter {
    /// Sorts `items` by descending score as `Series.sort_values(ascending=False)` does: NaN last,
    /// in the order given.
    pub(crate) fn descending(&mut self, items: &mut [u32], score: impl Fn(u32) -> f64) {
        self.pairs.clear();
        self.missing.clear();
        for &item in items.iter() {
            let key = score(item);
            if key.is_nan() {
                self.missing.push(item);
            } else {
                self.pairs.push((key, item));
            }
        }
        // pandas reverses, sorts ascending and reverses again.
        self.pairs.reverse();
        let present = self.pairs.len();
        if present <= NETWORK && self.rank() {
            self.network();
            for (slot, packed) in items.iter_mut().zip(self.ranks[..present].iter().rev()) {
                *slot = self.pairs[(packed & ((1 << PLACE_BITS) - 1)) as usize].1;
            }
        } else {
            self.pairs.sort_by(by_key);
            for (slot, &(_, item)) in items.iter_mut().zip(self.pairs.iter().rev()) {
                *slot = item;
            }
        }
        items[present..].copy_from_slice(&self.missing);
    }

    /// Replaces keys by their dense ranks, packed above their places, and answers whether any are
    /// equal. Without equal keys there is but one order, and no need of the network.
    fn rank(&mut self) -> bool {
        let mut places: [u16; NETWORK] = std::array::from_fn(|place| place as u16);
        let places = &mut places[..self.pairs.len()];
        let pairs = &self.pairs;
        let key = |place: u16| pairs[usize::from(place)];
        places.sort_unstable_by(|&a, &b| by_key(&key(a), &key(b)));
        self.ranks.clear();
        // What pads to a power of two is greater than all, and no comparator moves it.
        self.ranks.resize(places.len().next_power_of_two(), i32::MAX);
        let (mut rank, mut tied) = (0, false);
        for (at, &place) in places.iter().enumerate() {
            if at > 0 {
                let equal = key(places[at - 1]).0 == key(place).0;
                tied |= equal;
                rank += i32::from(!equal);
            }
            self.ranks[usize::from(place)] = rank << PLACE_BITS | i32::from(place);
        }
        tied
    }

    /// Batcher's bitonic network.
    fn network(&mut self) {
        let ranks = &mut self.ranks[..];
        let mut block = 2;
        while block <= ranks.len() {
            by_blocks(ranks, block, Step::Mirror);
            let mut half = block / 2;
            while half >= 2 {
                by_blocks(ranks, half, Step::HalfClean);
                half /= 2;
            }
            block *= 2;
        }
    }
}

/// What the network does to every block of ranks.
#[derive(Clone, Copy)]
enum Step {
    Mirror,
    HalfClean,
}

/// Short blocks are arrays, so that their loops are unrolled.
fn by_blocks(ranks: &mut [i32], block: usize, step: Step) {
    match block {
        2 => ranks.as_chunks_mut::<2>().0.iter_mut().for_each(|block| step.apply(block)),
        4 => ranks.as_chunks_mut::<4>().0.iter_mut().for_each(|block| step.apply(block)),
        8 => ranks.as_chunks_mut::<8>().0.iter_mut().for_each(|block| step.apply(block)),
        16 => ranks.as_chunks_mut::<16>().0.iter_mut().for_each(|block| step.apply(block)),
        _ => ranks.chunks_exact_mut(block).for_each(|block| step.apply(block)),
    }
}

impl Step {
    #[inline(always)]
    fn apply(self, ranks: &mut [i32]) {
        match self {
            Self::Mirror => mirror(ranks),
            Self::HalfClean => half_clean(ranks),
        }
    }
}

/// By key; there is no NaN here, and both zeros are the same.
fn by_key(a: &(f64, u32), b: &(f64, u32)) -> std::cmp::Ordering {
    a.0.partial_cmp(&b.0).unwrap_or(std::cmp::Ordering::Equal)
}

#[inline(always)]
fn mirror(ranks: &mut [i32]) {
    let (low, high) = ranks.split_at_mut(ranks.len() / 2);
    low.iter_mut().zip(high.iter_mut().rev()).for_each(|(a, b)| compare_exchange(a, b));
}

#[inline(always)]
fn half_clean(ranks: &mut [i32]) {
    let (low, high) = ranks.split_at_mut(ranks.len() / 2);
    low.iter_mut().zip(high).for_each(|(a, b)| compare_exchange(a, b));
}

/// Equal ranks stay where they are: that is what decides about ties.
#[inline]
fn compare_exchange(a: &mut i32, b: &mut i32) {
    let (first, second) = (*a, *b);
    let swap = first >> PLACE_BITS > second >> PLACE_BITS;
    *a = if swap { second } else { first };
    *b = if swap { first } else { second };
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Values and the order of pandas 2.3.3 over numpy 2.4.6 with AVX-512 (the same with AVX2).
    const REFERENCE: &[(&[u8], &[u32])] = &[
        (&[1, 0, 0, 0, 0], &[0, 1, 2, 3, 4]),
        (
            &[2, 2, 1, 0, 0, 0, 1, 1, 1, 0, 0, 2, 2, 0, 0, 1, 1],
            &[0, 1, 12, 11, 2, 8, 15, 7, 6, 16, 5, 3, 4, 9, 10, 14, 13],
        ),
        (
            &[3, 2, 1, 1, 2, 2, 0, 2, 3, 3, 3, 1, 1, 2, 2, 2, 3, 1, 3, 0],
            &[0, 8, 10, 9, 16, 18, 1, 14, 15, 7, 5, 4, 13, 2, 3, 11, 17, 12, 6, 19],
        ),
        (
            &[
                0, 5, 5, 1, 0, 1, 0, 5, 3, 3, 1, 2, 1, 4, 2, 0, 1, 4, 3, 2, 1, 0, 3, 3, 3, 5, 5, 1,
                3, 3, 1, 1, 2, 4, 1, 4, 3, 1, 2, 4,
            ],
            &[
                1, 2, 7, 26, 25, 13, 17, 33, 39, 35, 28, 8, 23, 24, 29, 9, 18, 22, 36, 11, 14, 38,
                32, 19, 31, 30, 16, 5, 3, 10, 12, 20, 34, 37, 27, 0, 6, 4, 21, 15,
            ],
        ),
        (
            &[
                4, 3, 0, 3, 1, 4, 4, 2, 4, 3, 1, 4, 1, 0, 2, 4, 3, 1, 4, 2, 1, 0, 1, 3, 3, 1, 3, 4,
                0, 1, 2, 2, 1, 1, 0, 3, 4, 0, 3, 0, 0, 3, 0, 3, 1, 2, 4, 4, 2, 1, 1, 4, 2, 0, 4, 4,
                4, 3, 4, 3, 2, 4, 3, 3,
            ],
            &[
                0, 5, 6, 8, 11, 15, 27, 18, 51, 55, 54, 56, 58, 47, 46, 36, 61, 63, 41, 38, 35, 59,
                57, 43, 9, 23, 26, 24, 16, 1, 3, 62, 14, 45, 48, 52, 60, 31, 7, 30, 19, 10, 22, 4,
                12, 20, 25, 29, 50, 49, 44, 32, 17, 33, 2, 13, 28, 21, 40, 39, 34, 42, 37, 53,
            ],
        ),
        (
            &[
                3, 7, 8, 0, 4, 3, 0, 0, 2, 1, 6, 1, 5, 7, 4, 1, 0, 2, 3, 4, 2, 7, 5, 8, 8, 6, 0, 1,
                6, 4, 8, 6, 7, 0, 2, 6, 5, 3, 1, 5, 0, 6, 7, 6, 0, 4, 2, 4, 6, 1, 0, 4, 5, 1, 8, 4,
                8, 4, 6, 6, 4, 3, 6, 0, 5, 4, 1, 1, 0, 6, 6, 3, 8, 3, 2, 8, 0, 3, 0, 3, 6, 3, 4, 4,
                0, 0, 2, 4, 0, 8, 7, 5, 6, 6, 0, 8, 0, 7, 7, 6,
            ],
            &[
                2, 23, 30, 24, 75, 72, 95, 89, 54, 56, 21, 32, 90, 42, 1, 13, 98, 97, 25, 28, 48,
                43, 58, 59, 41, 62, 31, 10, 35, 93, 99, 70, 80, 69, 92, 12, 36, 64, 52, 39, 91, 22,
                55, 82, 87, 60, 83, 57, 65, 47, 45, 51, 14, 19, 4, 29, 0, 73, 81, 79, 77, 71, 61,
                37, 5, 18, 20, 34, 86, 46, 8, 17, 74, 67, 49, 15, 11, 9, 66, 53, 27, 38, 7, 3, 33,
                26, 6, 16, 63, 40, 44, 50, 76, 78, 68, 85, 88, 84, 94, 96,
            ],
        ),
    ];

    #[test]
    fn equal_values_come_in_the_order_of_numpy() {
        for (values, expected) in REFERENCE {
            let mut items: Vec<u32> = (0..values.len() as u32).collect();
            Sorter::default().descending(&mut items, |i| f64::from(values[i as usize]));
            assert_eq!(&items, expected);
        }
    }

    #[test]
    fn lists_of_any_length_are_sorted_and_missing_values_last() {
        for length in [0, 1, 2, 3, 255, 256, 257, 1000_u32] {
            let score = |i: u32| match i % 10 {
                7 => f64::NAN,
                _ => f64::from(i * 7919 % 101),
            };
            let mut items: Vec<u32> = (0..length).collect();
            Sorter::default().descending(&mut items, score);
            let scores: Vec<f64> = items.iter().map(|&i| score(i)).collect();
            let present = scores.iter().take_while(|score| !score.is_nan()).count();
            assert!(scores[..present].is_sorted_by(|a, b| a >= b));
            assert!(scores[present..].iter().all(|score| score.is_nan()));
            items.sort_unstable();
            assert!(items.into_iter().eq(0..length));
        }
    }
}
