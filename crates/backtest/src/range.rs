//! Checks of numbers in configurations.

use crate::BacktestError;

/// A number a person gave, with the name it has in the configuration.
pub(crate) struct Given(pub(crate) &'static str, pub(crate) f64);

impl Given {
    pub(crate) fn positive(self) -> Result<(), BacktestError> {
        self.check(|value| value > 0.0, "a positive number")
    }

    pub(crate) fn not_negative(self) -> Result<(), BacktestError> {
        self.check(|value| value >= 0.0, "zero or more")
    }

    /// From zero to one, both included.
    pub(crate) fn fraction(self) -> Result<(), BacktestError> {
        self.check(|value| (0.0..=1.0).contains(&value), "from 0 to 1")
    }

    /// From zero to below one: a rate that leaves something.
    pub(crate) fn rate(self) -> Result<(), BacktestError> {
        self.check(|value| (0.0..1.0).contains(&value), "from 0 to below 1")
    }

    pub(crate) fn check(
        self,
        fits: impl Fn(f64) -> bool,
        expected: &'static str,
    ) -> Result<(), BacktestError> {
        let Self(field, value) = self;
        if value.is_finite() && fits(value) {
            return Ok(());
        }
        Err(BacktestError::OutOfRange { field, value, expected })
    }
}
