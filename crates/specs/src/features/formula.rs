use alphafleet_factors::Expr;
use serde::Serialize;

use crate::expression::{self, Horizon};
use crate::{Fault, FaultCode, Faults};

const LONGEST_FORMULA: usize = 4_096;
const LONGEST_NAME: usize = 128;
/// Columns that stand beside the features in every table.
const RESERVED: [&str; 3] = ["LABEL0", "instrument", "datetime"];

/// A checked formula of a feature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Formula {
    /// As its author wrote it, trimmed.
    pub source: String,
    /// The same in the form that equal formulas share.
    pub canonical: String,
    /// Fields of the data that it reads, ascending: those of bars without the `$`, then those by
    /// period with their `$$`.
    pub fields: Vec<String>,
    /// How many bars of the past it reads; none where it reads all of them.
    pub look_back: Option<usize>,
    /// How many bars of the future it reads: 0, as other formulas are refused.
    pub look_ahead: usize,
}

impl Formula {
    /// Reads a formula; a fault of form says at which character.
    pub fn parse(field: &str, text: &str) -> Result<Self, Faults> {
        let text = text.trim();
        let refused = |code, message: String| Faults::from(Fault::new(field, code, message));
        if text.is_empty() {
            return Err(refused(FaultCode::Empty, "is empty; give an expression".to_owned()));
        }
        if text.len() > LONGEST_FORMULA {
            let message = format!("{} bytes; give at most {LONGEST_FORMULA}", text.len());
            return Err(refused(FaultCode::OutOfRange, message));
        }
        let expression = expression::check(text, Horizon::Past).map_err(|flaw| {
            let fault = Fault::new(field, flaw.code, flaw.message);
            Faults::from(Fault { at: flaw.at, ..fault })
        })?;
        Ok(Self {
            source: text.to_owned(),
            canonical: expression.to_string(),
            fields: fields(&expression),
            look_back: expression.look_back(),
            look_ahead: expression.look_ahead(),
        })
    }
}

fn fields(expression: &Expr) -> Vec<String> {
    let bars = expression.fields().into_iter().map(str::to_owned);
    let periods = expression.period_fields().into_iter().map(|field| format!("$${field}"));
    bars.chain(periods).collect()
}

/// What is wrong with the name of a stored feature: it has to be good as a column's name and in a
/// list of names.
pub fn feature_name_fault(name: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    if !(1..=LONGEST_NAME).contains(&name.len()) || !name.chars().all(plain) {
        return Some(format!("give 1 to {LONGEST_NAME} letters, digits, '.', '_' or '-'"));
    }
    let reserved = RESERVED.contains(&name);
    reserved.then(|| format!("{name:?} is the name of another column; choose another"))
}
