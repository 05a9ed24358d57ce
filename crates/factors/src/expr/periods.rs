use alphafleet_market::PeriodLength;

use super::error::ExprError;
use super::node::Shift;
use super::operators::{Operator, name_of};

/// No window over periods is longer: the quarters of the years 1900 to 2099.
pub(super) const MAX_PERIODS: f64 = 800.0;

/// What is known of the `P` or `PRef` that is being read.
#[derive(Debug)]
pub(super) struct Periods {
    operator: Operator,
    /// The first field with the length that its name tells.
    first: Option<(String, PeriodLength)>,
}

impl Periods {
    /// Begins with `P` or `PRef`.
    pub(super) fn of(operator: Operator) -> Option<Self> {
        let begins = matches!(operator, Operator::Newest | Operator::OfPeriod);
        begins.then_some(Self { operator, first: None })
    }

    pub(super) fn length(&self) -> Option<PeriodLength> {
        self.first.as_ref().map(|(_, length)| *length)
    }

    /// Takes a field by period; says what is expected in its place where it does not fit.
    pub(super) fn take_field(&mut self, name: &str) -> Result<(), String> {
        let Some(length) = PeriodLength::of_field(name) else {
            return Err("a $$field whose name ends with _q (quarterly) or _a (annual)".to_owned());
        };
        match &self.first {
            Some((first, known)) if *known != length => {
                Err(format!("a $$field with periods as long as those of $${first}"))
            }
            Some(_) => Ok(()),
            None => {
                self.first = Some((name.to_owned(), length));
                Ok(())
            }
        }
    }

    /// In the place of a field of bars.
    pub(super) fn expected_field(&self) -> Result<(), String> {
        Err(format!("a $$field, as {} reads periods, not bars", name_of(self.operator)))
    }

    /// Refuses what has no meaning over periods, or none that Qlib computes.
    pub(super) fn check_operator(
        &self,
        at: usize,
        name: &str,
        operator: Operator,
    ) -> Result<(), ExprError> {
        let outer = name_of(self.operator);
        let expected = match operator {
            Operator::Newest | Operator::OfPeriod => {
                format!("an expression over $$fields: {outer} takes no other {name}")
            }
            Operator::Cross(_) | Operator::Indicator(_) => {
                format!("an operator over periods within {outer}")
            }
            Operator::Shift(Shift::Delta) => {
                format!("x - Ref(x, N) within {outer}: Qlib's Delta reads a period too few there")
            }
            Operator::Unary(_) | Operator::Binary(_) | Operator::If => return Ok(()),
            _ if self.operator == Operator::Newest => return Ok(()),
            _ => "an element-wise operator, as PRef reads one period alone".to_owned(),
        };
        Err(ExprError::Unexpected { at, found: name.to_owned(), expected })
    }
}
