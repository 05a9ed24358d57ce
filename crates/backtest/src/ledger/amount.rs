use std::iter::Sum;
use std::ops::{Add, AddAssign, Neg, Sub, SubAssign};

/// Units in one share or one unit of currency of a price: eight decimals.
const SCALE: i64 = 100_000_000;
/// Units of [`Money`] in one unit of currency: sixteen decimals.
const MONEY_SCALE: f64 = 1e16;
/// Greatest price and quantity: ninety billion.
pub const LARGEST: f64 = 9.0e10;
/// Greatest sum of money that an order, a fill or an account may come to.
pub const LARGEST_MONEY: f64 = 1.0e18;

/// A number of shares or contracts, in units of 10⁻⁸; negative when owed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Quantity(i64);

/// What one share or contract is worth, in units of 10⁻⁸ of the currency.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Price(i64);

/// An amount of money, in units of 10⁻¹⁶ of the currency.
///
/// A quantity times a price is such an amount without rounding, and sums of amounts are exact:
/// that is why a ledger of them always balances to the last unit. (A decimal type would round
/// products; binary floats round everything.)
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub struct Money(i128);

impl Quantity {
    pub const ZERO: Self = Self(0);

    /// The nearest quantity, or `None` for what is not a number of at most [`LARGEST`].
    pub fn from_f64(value: f64) -> Option<Self> {
        scaled(value).map(Self)
    }

    /// The greatest multiple of `lot` that is not above this; zero for a lot that is not positive.
    #[must_use]
    pub fn round_down(self, lot: Self) -> Self {
        if lot.0 <= 0 { Self(0) } else { Self(self.0 - self.0.rem_euclid(lot.0)) }
    }

    pub fn to_f64(self) -> f64 {
        self.0 as f64 / SCALE as f64
    }

    #[must_use]
    pub fn abs(self) -> Self {
        Self(self.0.abs())
    }

    pub fn is_zero(self) -> bool {
        self.0 == 0
    }

    pub fn is_positive(self) -> bool {
        self.0 > 0
    }

    pub fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// The quantity after a split of `ratio` new for one old share, if it can be held.
    pub fn split(self, ratio: f64) -> Option<Self> {
        Self::from_f64(self.to_f64() * ratio)
    }

    pub fn times(self, price: Price) -> Money {
        Money(i128::from(self.0) * i128::from(price.0))
    }
}

impl Price {
    /// The nearest price, or `None` for what is not a number of at most [`LARGEST`].
    pub fn from_f64(value: f64) -> Option<Self> {
        scaled(value).map(Self)
    }

    pub fn to_f64(self) -> f64 {
        self.0 as f64 / SCALE as f64
    }
}

impl Money {
    pub const ZERO: Self = Self(0);

    /// The nearest amount, or `None` for what is not a number of at most [`LARGEST_MONEY`].
    pub fn from_f64(value: f64) -> Option<Self> {
        // Whole units first: a product with 10¹⁶ would round amounts that eight decimals hold.
        let whole = value.trunc();
        let part = ((value - whole) * MONEY_SCALE).round();
        (value.abs() <= LARGEST_MONEY)
            .then(|| Self(whole as i128 * MONEY_SCALE as i128 + part as i128))
    }

    pub fn to_f64(self) -> f64 {
        self.0 as f64 / MONEY_SCALE
    }

    #[must_use]
    pub fn abs(self) -> Self {
        Self(self.0.abs())
    }

    pub fn is_negative(self) -> bool {
        self.0 < 0
    }

    /// The part of this amount that falls on `part` of `whole`, rounded towards zero.
    pub(crate) fn share(self, part: Quantity, whole: Quantity) -> Self {
        if part == whole || whole.is_zero() {
            return self;
        }
        let (part, whole) = (i128::from(part.0), i128::from(whole.0));
        // Quotient and remainder apart keep the products in range.
        Self(self.0 / whole * part + self.0 % whole * part / whole)
    }
}

fn scaled(value: f64) -> Option<i64> {
    (value.abs() <= LARGEST).then(|| (value * SCALE as f64).round() as i64)
}

macro_rules! arithmetic {
    ($($amount:ident),*) => {$(
        impl Add for $amount {
            type Output = Self;
            fn add(self, other: Self) -> Self {
                Self(self.0.saturating_add(other.0))
            }
        }
        impl Sub for $amount {
            type Output = Self;
            fn sub(self, other: Self) -> Self {
                Self(self.0.saturating_sub(other.0))
            }
        }
        impl Neg for $amount {
            type Output = Self;
            fn neg(self) -> Self {
                Self(self.0.saturating_neg())
            }
        }
        impl AddAssign for $amount {
            fn add_assign(&mut self, other: Self) {
                *self = *self + other;
            }
        }
        impl SubAssign for $amount {
            fn sub_assign(&mut self, other: Self) {
                *self = *self - other;
            }
        }
        impl Sum for $amount {
            fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
                amounts.fold(Self(0), Self::add)
            }
        }
    )*};
}
arithmetic!(Quantity, Money);

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use super::*;

    #[test]
    fn products_are_exact() {
        let quantity = Quantity::from_f64(0.1).unwrap();
        let price = Price::from_f64(0.2).unwrap();
        let total: Money = (0..10).map(|_| quantity.times(price)).sum();
        assert_eq!(total, Money::from_f64(0.2).unwrap());
    }

    #[test]
    fn amounts_out_of_range_are_refused() {
        for value in [f64::NAN, f64::INFINITY, 1e11, -1e11] {
            assert_eq!(Quantity::from_f64(value), None);
            assert_eq!(Price::from_f64(value), None);
        }
        assert_eq!(Money::from_f64(1e19), None);
        assert_eq!(Money::from_f64(f64::NAN), None);
    }

    #[test]
    fn lots_round_down() {
        let lot = Quantity::from_f64(100.0).unwrap();
        let round = |value| Quantity::from_f64(value).unwrap().round_down(lot).to_f64();
        assert_eq!((round(99.9), round(100.0), round(250.0)), (0.0, 100.0, 200.0));
    }

    #[test]
    fn shares_of_an_amount_add_up() {
        let whole = Quantity::from_f64(3.0).unwrap();
        let one = Quantity::from_f64(1.0).unwrap();
        let amount = Money::from_f64(1e15).unwrap();
        let third = amount.share(one, whole);
        assert!((third.to_f64() - 1e15 / 3.0).abs() < 1.0);
        assert_eq!(amount.share(whole, whole), amount);
    }
}
