use thiserror::Error;

/// Why a text is not an expression. `at` is the byte offset of the offending character.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum ExprError {
    #[error("the expression has {length} bytes, at most {limit} are allowed")]
    TooLong { length: usize, limit: usize },
    #[error("the expression has more than {limit} parts")]
    TooManyNodes { at: usize, limit: usize },
    #[error("the expression is nested more than {limit} levels deep at character {at}")]
    TooDeep { at: usize, limit: usize },
    #[error("expected {expected} at character {at}, found {found}")]
    Unexpected { at: usize, found: String, expected: String },
    #[error("unknown operator {name} at character {at}; known operators: {known}")]
    UnknownOperator { at: usize, name: String, known: String },
    #[error("{operator} at character {at} takes {expected}, found {found}")]
    ArgumentCount { at: usize, operator: String, expected: String, found: usize },
    #[error("{operator} needs {expected} at character {at}, found {found}")]
    Argument { at: usize, operator: String, expected: String, found: String },
    #[error("the number at character {at} is out of range")]
    Number { at: usize },
    #[error("the expression reads no $field, its value would be the same everywhere")]
    Constant,
}

impl ExprError {
    /// A stable, machine-readable name of the problem.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooLong { .. } => "expression_too_long",
            Self::TooManyNodes { .. } => "expression_too_large",
            Self::TooDeep { .. } => "expression_too_deep",
            Self::Unexpected { .. } => "expression_syntax",
            Self::UnknownOperator { .. } => "expression_unknown_operator",
            Self::ArgumentCount { .. } => "expression_argument_count",
            Self::Argument { .. } => "expression_argument",
            Self::Number { .. } => "expression_number",
            Self::Constant => "expression_constant",
        }
    }

    /// Byte offset of the offending character in the source, where one is to blame.
    pub fn at(&self) -> Option<usize> {
        match self {
            Self::TooLong { .. } | Self::Constant => None,
            Self::TooManyNodes { at, .. }
            | Self::TooDeep { at, .. }
            | Self::Unexpected { at, .. }
            | Self::UnknownOperator { at, .. }
            | Self::ArgumentCount { at, .. }
            | Self::Argument { at, .. }
            | Self::Number { at } => Some(*at),
        }
    }

    /// The source with a caret under the offending character, for a terminal.
    pub fn pointer(&self, source: &str) -> Option<String> {
        let before = source.get(..self.at()?)?;
        Some(format!("{source}\n{}^", " ".repeat(before.chars().count())))
    }
}
