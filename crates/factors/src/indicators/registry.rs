use super::error::IndicatorError;
use super::machine::Machine;
use super::operators::INDICATORS;

/// The longest window of an indicator, in bars.
pub const LONGEST_WINDOW: usize = 10_000_000;

/// A number an indicator takes after its series.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameter {
    pub name: &'static str,
    /// What it is if it is left out; those after it are then left out as well.
    pub default: f64,
    pub min: f64,
    pub max: f64,
    /// Only whole numbers are allowed.
    pub whole: bool,
}

/// One output of an indicator, as an operator of the expression language.
#[derive(Debug, Clone, Copy)]
pub struct Spec {
    /// The operator's name.
    pub name: &'static str,
    /// Operators of one family that read the same series with the same numbers are outputs of one
    /// and the same machine, which needs to run only once.
    pub family: &'static str,
    /// The series it reads, in order: `x` is any, the others are named for what they should be.
    pub inputs: &'static [&'static str],
    pub parameters: &'static [Parameter],
    /// Which of the machine's outputs it is, counted from 0.
    pub output: usize,
    /// How many outputs the machine has.
    pub outputs: usize,
    /// What it is, in a sentence.
    pub summary: &'static str,
    pub(super) machine: fn(&[f64]) -> Machine,
}

impl Spec {
    /// All parameters: those given, then the defaults of those left out.
    ///
    /// # Errors
    ///
    /// If there are too many, or one is outside its range or not whole.
    pub fn complete(&self, given: &[f64]) -> Result<Vec<f64>, IndicatorError> {
        if given.len() > self.parameters.len() {
            return Err(IndicatorError::TooManyParameters {
                operator: self.name,
                most: self.parameters.len(),
                found: given.len(),
            });
        }
        let value = |(index, parameter): (usize, &Parameter)| {
            let value = given.get(index).copied().unwrap_or(parameter.default);
            parameter.check(self.name, value)
        };
        self.parameters.iter().enumerate().map(value).collect()
    }

    /// A machine that has seen no bar, with the parameters given and the defaults of the others.
    ///
    /// # Errors
    ///
    /// As [`complete`](Self::complete).
    pub fn build(&self, given: &[f64]) -> Result<Machine, IndicatorError> {
        Ok((self.machine)(&self.complete(given)?))
    }

    /// A machine that has seen no bar, with numbers that were checked for an operator of this
    /// family. Operators that share a machine do not share ranges: TA-Lib's ADX begins at a window
    /// of 2, PlusDI at 1.
    pub(crate) fn machine_of_checked(&self, numbers: &[f64]) -> Machine {
        let number = |(index, parameter): (usize, &Parameter)| {
            numbers.get(index).copied().unwrap_or(parameter.default)
        };
        let numbers: Vec<f64> = self.parameters.iter().enumerate().map(number).collect();
        (self.machine)(&numbers)
    }
}

impl Parameter {
    fn check(&self, operator: &'static str, value: f64) -> Result<f64, IndicatorError> {
        let inside = self.min <= value && value <= self.max;
        if inside && (!self.whole || value.fract() == 0.0) {
            return Ok(value);
        }
        Err(IndicatorError::ParameterOutOfRange {
            operator,
            parameter: self.name,
            value,
            min: self.min,
            max: self.max,
            whole: self.whole,
        })
    }
}

/// The indicator of that operator's name, which is case-sensitive.
pub fn find(name: &str) -> Option<&'static Spec> {
    INDICATORS.iter().find(|spec| spec.name == name)
}
