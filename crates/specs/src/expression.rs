use alphafleet_factors::{Expr, ExprError};

use crate::FaultCode;

/// How far an expression may look.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Horizon {
    /// Features: nothing after the bar they describe.
    Past,
    /// Labels: the future too.
    Any,
}

/// What is wrong with an expression.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Flaw {
    pub(crate) code: FaultCode,
    pub(crate) message: String,
    /// The offending character, counted from 0.
    pub(crate) at: Option<usize>,
}

/// Parses an expression and refuses a feature that looks ahead.
pub(crate) fn check(text: &str, horizon: Horizon) -> Result<Expr, Flaw> {
    let expression = Expr::parse(text).map_err(|error| invalid(text, &error))?;
    let bars = expression.look_ahead();
    if horizon == Horizon::Past && bars > 0 {
        let message = format!(
            "looks {bars} bar(s) ahead, which nobody knows when predicting; use Ref with a \
             positive distance, or move it to the label"
        );
        return Err(Flaw { code: FaultCode::LookAhead, message, at: None });
    }
    Ok(expression)
}

fn invalid(text: &str, error: &ExprError) -> Flaw {
    let near: String =
        error.at().map_or_else(String::new, |at| text.chars().skip(at).take(20).collect());
    let near = if near.is_empty() { near } else { format!(" (near {near:?})") };
    Flaw { code: FaultCode::InvalidExpression, message: format!("{error}{near}"), at: error.at() }
}
