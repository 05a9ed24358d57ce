use crate::engine::{LANES, Lane, ZEROS, lane};
use crate::indicators::indicator::LARGEST_INPUT;

/// What a lane counts for in a row's sum, which is then the row's bits.
const BITS: Lane = [1.0, 2.0, 4.0, 8.0, 16.0, 32.0, 64.0, 128.0];

/// For each row the bits of the lanes in which all inputs exist, of those listed.
#[inline(always)]
pub(super) fn presence<const IN: usize>(inputs: [&[Lane]; IN], least: f64, listed: u8) -> Vec<u8> {
    let bars = inputs.iter().map(|rows| rows.len()).min().unwrap_or(0);
    let inputs = inputs.map(|rows| &rows[..bars]);
    let mut there = vec![0; bars];
    for (bar, there) in there.iter_mut().enumerate() {
        *there = bits(inputs.map(|rows| &rows[bar]), least) & listed;
    }
    there
}

#[inline(always)]
fn bits<const IN: usize>(row: [&Lane; IN], least: f64) -> u8 {
    let mut present = BITS;
    for values in row {
        // Never true of NaN.
        let exists = lane(|l| if values[l] >= least { present[l] } else { 0.0 });
        present = lane(|l| if values[l] <= LARGEST_INPUT { exists[l] } else { 0.0 });
    }
    let mut sums = ZEROS;
    for half in [LANES / 2, LANES / 4, LANES / 8] {
        for l in 0..half {
            sums[l] = present[l] + present[l + half];
        }
        present = sums;
    }
    present[0] as u8
}
