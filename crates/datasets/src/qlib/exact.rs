//! Values in double precision beside a `.bin` that could only hold them rounded. Qlib does not
//! read these files. One is a header of 80 bytes (what it is, the checksum of the `.bin` it
//! belongs to, the price basis of that `.bin`) and one little-endian double a bar.

use alphafleet_artifacts::sha256_hex;

use crate::import::PriceBasis;

const MAGIC: &[u8; 8] = b"AFQLIB1\n";
const HASH: usize = 64;
const HEADER: usize = MAGIC.len() + HASH + 8;

fn word(basis: PriceBasis) -> &'static [u8; 8] {
    match basis {
        PriceBasis::Adjusted => b"adjusted",
        PriceBasis::Raw => b"raw     ",
    }
}

/// The side file of a `.bin` with these bytes.
pub(super) fn encode(bin: &[u8], basis: PriceBasis, values: &[f64]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(HEADER + 8 * values.len());
    bytes.extend(MAGIC);
    bytes.extend(sha256_hex(bin).as_bytes());
    bytes.extend(word(basis));
    for value in values {
        let value = if value.is_nan() { f64::NAN } else { *value };
        bytes.extend(value.to_le_bytes());
    }
    bytes
}

/// Reads it back: `bars` values. The error says what is wrong.
pub(super) fn decode(
    bytes: &[u8],
    bin: &[u8],
    basis: PriceBasis,
    bars: usize,
) -> Result<Vec<f64>, String> {
    let found = bytes.len();
    if found != HEADER + 8 * bars {
        return Err(format!("{found} bytes instead of {} for {bars} bars", HEADER + 8 * bars));
    }
    let (magic, rest) = bytes.split_at(MAGIC.len());
    let (hash, rest) = rest.split_at(HASH);
    let (of_basis, values) = rest.split_at(8);
    if magic != MAGIC {
        return Err("it does not begin as such a file does".to_owned());
    }
    if hash != sha256_hex(bin).as_bytes() {
        return Err("its .bin was changed since: delete it to take the .bin's values".to_owned());
    }
    if of_basis != word(basis) {
        let written = String::from_utf8_lossy(of_basis);
        return Err(format!("it was written beside {} prices: import them so", written.trim()));
    }
    let (numbers, _) = values.as_chunks::<8>();
    Ok(numbers.iter().map(|&number| f64::from_le_bytes(number)).collect())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn side_files_belong_to_their_bin() {
        let bytes = encode(b"bin", PriceBasis::Raw, &[0.1, -0.0]);
        let back = decode(&bytes, b"bin", PriceBasis::Raw, 2).unwrap();
        assert_eq!(
            back.iter().map(|v| v.to_bits()).collect::<Vec<_>>(),
            [0.1_f64.to_bits(), (-0.0_f64).to_bits()]
        );
        for (bytes, bin, basis, bars, words) in [
            (&bytes[..], &b"bin"[..], PriceBasis::Raw, 3, "bytes instead of"),
            (&bytes[..9], b"bin", PriceBasis::Raw, 2, "9 bytes"),
            (&bytes, b"other", PriceBasis::Raw, 2, "was changed since"),
            (&bytes, b"bin", PriceBasis::Adjusted, 2, "beside raw prices"),
            (&[7; 96], b"bin", PriceBasis::Raw, 2, "does not begin"),
        ] {
            let refused = decode(bytes, bin, basis, bars).unwrap_err();
            assert!(refused.contains(words), "{refused}");
        }
    }
}
