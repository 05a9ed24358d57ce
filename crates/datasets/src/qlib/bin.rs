/// A calendar index must be exact in single precision.
pub(super) const MOST_BARS: usize = 1 << 24;

/// A field of one instrument: the calendar index of its first bar and a value a bar from there.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Bin {
    pub start: usize,
    pub values: Vec<f32>,
}

/// Reads little-endian single precision numbers, the first of which is the start index. The error
/// says what is wrong.
pub(super) fn decode(bytes: &[u8], calendar: usize) -> Result<Bin, String> {
    let (numbers, rest) = bytes.as_chunks::<4>();
    if !rest.is_empty() {
        return Err(format!("{} bytes are not a multiple of 4", bytes.len()));
    }
    let mut numbers = numbers.iter().map(|&number| f32::from_le_bytes(number));
    let index = numbers.next().ok_or("it is empty: not even a start index")?;
    if !(index >= 0.0 && index.fract() == 0.0 && index <= MOST_BARS as f32) {
        return Err(format!("its start index is {index}, not a line of the calendar"));
    }
    let start = index as usize;
    let values: Vec<f32> = numbers.collect();
    if start + values.len() > calendar {
        let found = values.len();
        return Err(format!("{found} bars from {start} on, the calendar has {calendar}"));
    }
    Ok(Bin { start, values })
}

/// Writes what [`decode`] reads; NaN is the canonical one. `start` is at most [`MOST_BARS`].
pub(super) fn encode(start: usize, values: &[f32]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(4 + 4 * values.len());
    bytes.extend((start as f32).to_le_bytes());
    for value in values {
        let value = if value.is_nan() { f32::NAN } else { *value };
        bytes.extend(value.to_le_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn bins_come_back_and_broken_ones_are_refused() {
        let bytes = encode(3, &[1.5, f32::NAN, -0.0]);
        assert_eq!(bytes[8..12], [0, 0, 0xc0, 0x7f]);
        let back = decode(&bytes, 6).unwrap();
        assert_eq!(encode(back.start, &back.values), bytes);
        assert!(decode(&encode(5, &[]), 6).unwrap().values.is_empty());
        let index = |index: f32| index.to_le_bytes().to_vec();
        for (bytes, words) in [
            (vec![], "empty"),
            (bytes[..7].to_vec(), "7 bytes"),
            (encode(4, &[1.0; 3]), "3 bars from 4 on, the calendar has 6"),
            (index(-1.0), "start index is -1"),
            (index(1.5), "start index is 1.5"),
            (index(f32::NAN), "start index is NaN"),
            (index(f32::INFINITY), "start index is inf"),
            (index(1e30), "start index"),
            (index(7.0), "0 bars from 7 on"),
        ] {
            let refused = decode(&bytes, 6).unwrap_err();
            assert!(refused.contains(words), "{refused}");
        }
    }
}
