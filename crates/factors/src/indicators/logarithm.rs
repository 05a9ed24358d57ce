//! The natural logarithm by multiplications alone, so that vectors take it and every machine gives
//! the same bits.

/// The least number that has a logarithm.
pub(super) const LEAST_POSITIVE: f64 = f64::from_bits(1);

/// What is left of ln 2 beyond double precision.
const LN_2_REST: f64 = 2.319_046_813_846_299_6e-17;
/// 2^54 lifts the least subnormal number to a normal one.
const LIFT: f64 = 18_014_398_509_481_984.0;
/// 2^52: added to it, whole numbers fill the low bits.
const WHOLE: f64 = 4_503_599_627_370_496.0;

/// ln x of a positive finite number, within 2 units in the last place.
///
/// x is 2^k m with m in (√½, √2]; ln m = 2 artanh s with s = (m − 1) / (m + 1), and
/// artanh s = s + s³/3 + s⁵/5 + …, of which s²⁵ and beyond do not count (|s| < 0.1716).
#[inline(always)]
pub(super) fn ln(x: f64) -> f64 {
    let (mantissa, exponent) = split(x);
    let s = (mantissa - 1.0) / (mantissa + 1.0);
    let square = s * s;
    let mut series = 2.0 / 23.0;
    for divisor in [21.0, 19.0, 17.0, 15.0, 13.0, 11.0, 9.0, 7.0, 5.0, 3.0] {
        series = square.mul_add(series, 2.0 / divisor);
    }
    let rest = exponent.mul_add(LN_2_REST, s * square * series);
    exponent.mul_add(std::f64::consts::LN_2, 2.0f64.mul_add(s, rest))
}

/// A positive number as mantissa in (√½, √2] and power of two.
#[inline(always)]
fn split(x: f64) -> (f64, f64) {
    let subnormal = x < f64::MIN_POSITIVE;
    let bits = if subnormal { x * LIFT } else { x }.to_bits();
    let biased = f64::from_bits(WHOLE.to_bits() | (bits >> 52)) - WHOLE;
    let exponent = biased - if subnormal { 1_077.0 } else { 1_023.0 };
    let mantissa = f64::from_bits(bits & 0x000f_ffff_ffff_ffff | 1.0f64.to_bits());
    let above = mantissa > std::f64::consts::SQRT_2;
    let mantissa = if above { mantissa * 0.5 } else { mantissa };
    (mantissa, if above { exponent + 1.0 } else { exponent })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::{LEAST_POSITIVE, ln};

    fn close(x: f64) -> bool {
        let expected = x.ln();
        (ln(x) - expected).abs() <= 2.0 * f64::EPSILON * expected.abs()
    }

    #[test]
    fn the_ends_and_the_neighbours_of_one_have_their_logarithms() {
        assert_eq!(ln(1.0), 0.0);
        let root = std::f64::consts::SQRT_2;
        for x in [LEAST_POSITIVE, 1e-310, f64::MIN_POSITIVE, 0.5, root, root / 2.0, 3e37] {
            assert!(close(x), "{x}: {} for {}", ln(x), x.ln());
        }
        for x in [1.0 - f64::EPSILON, 1.0 + f64::EPSILON, 1.0 + 1e-9, 0.999_999] {
            assert!(close(x), "{x}: {} for {}", ln(x), x.ln());
        }
    }

    proptest! {
        #[test]
        fn it_is_the_natural_logarithm(bits in 1..f64::MAX.to_bits(), near in 0.5..2.0f64) {
            prop_assert!(close(f64::from_bits(bits)));
            prop_assert!(close(near));
        }
    }
}
