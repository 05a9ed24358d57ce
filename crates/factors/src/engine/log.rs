//! numpy's logarithm in single precision.

/// Natural logarithm in single precision with numpy's own rounding.
///
/// numpy rounds one value in twenty differently from the nearest single: enough to move a
/// correlation of volumes in the fourth digit. So this evaluates the same approximation: mantissa
/// `m` in (√½, √2], `ln m = P(m-1)/Q(m-1)`, Horner with fused steps (numpy's SIMD log, max 3.83 ulp).
#[inline(always)]
pub(crate) fn ln_single(x: f32) -> f32 {
    let (mantissa, exponent) = split(x);
    let y = mantissa - 1.0;
    let quotient = horner(&NUMERATOR, y) / horner(&DENOMINATOR, y);
    let logarithm = exponent.mul_add(std::f32::consts::LN_2, quotient);
    let logarithm = if x == 0.0 { f32::NEG_INFINITY } else { logarithm };
    let logarithm = if x == f32::INFINITY { x } else { logarithm };
    if x >= 0.0 { logarithm } else { f32::NAN }
}

/// Coefficients, constant term last.
const NUMERATOR: [f32; 6] = [2.589_979_2e-2, 3.808_837_7e-1, 1.480_000_6, 2.112_677_6, 1.0, 0.0];
const DENOMINATOR: [f32; 6] =
    [5.875_095_4e-3, 1.546_476_4e-1, 9.864_943e-1, 2.453_006, 2.612_677_6, 1.0];

#[inline(always)]
fn horner(coefficients: &[f32; 6], y: f32) -> f32 {
    let [a, b, c, d, e, f] = *coefficients;
    a.mul_add(y, b).mul_add(y, c).mul_add(y, d).mul_add(y, e).mul_add(y, f)
}

/// A positive number as mantissa in (√½, √2] and power of two.
#[inline(always)]
fn split(x: f32) -> (f32, f32) {
    let (x, shift) = if x < f32::MIN_POSITIVE { (x * 8_388_608.0, 23) } else { (x, 0) };
    let bits = x.to_bits();
    let exponent = (bits >> 23) as i32 - 126 - shift;
    let mantissa = f32::from_bits((bits & 0x007f_ffff) | 0x3f00_0000);
    if mantissa <= std::f32::consts::FRAC_1_SQRT_2 {
        (mantissa + mantissa, (exponent - 1) as f32)
    } else {
        (mantissa, exponent as f32)
    }
}

#[cfg(test)]
mod tests {
    use super::ln_single;

    #[test]
    fn the_single_precision_logarithm_rounds_like_numpy() {
        // Made with numpy 2.4.6; about one in twenty differs from the nearest single.
        for (x, bits) in include!("../../tests/data/log_singles.in") {
            assert_eq!(ln_single(f32::from_bits(x)).to_bits(), bits, "{}", f32::from_bits(x));
        }
        assert_eq!(ln_single(0.0), f32::NEG_INFINITY);
        assert_eq!(ln_single(f32::INFINITY), f32::INFINITY);
        assert!(ln_single(-1.0).is_nan() && ln_single(f32::NAN).is_nan());
        assert!((ln_single(1e-40) + 92.103_4).abs() < 1e-4);
    }
}
