use thiserror::Error;

/// Why a text is not an expression. `at` is the offending character, counted from 0: characters,
/// not bytes.
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

    /// The offending character of the source, counted from 0, where one is to blame.
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

    /// The source with a caret under the offending character, below its line, for a terminal.
    pub fn pointer(&self, source: &str) -> Option<String> {
        let at = self.at()?;
        let bytes = source.char_indices().nth(at).map_or(source.len(), |(byte, _)| byte);
        let (before, rest) = source.split_at(bytes);
        let line = before.rfind('\n').map_or(before, |newline| &before[newline + 1..]);
        // A tab is as wide as the terminal makes it.
        let padding: String = line.chars().map(|c| if c == '\t' { c } else { ' ' }).collect();
        let (upto, below) = source.split_at(bytes + rest.find('\n').unwrap_or(rest.len()));
        Some(format!("{upto}\n{padding}^{below}"))
    }

    /// The same with the offending character counted in characters, where it was in bytes.
    pub(super) fn in_characters(mut self, source: &str) -> Self {
        if let Self::TooManyNodes { at, .. }
        | Self::TooDeep { at, .. }
        | Self::Unexpected { at, .. }
        | Self::UnknownOperator { at, .. }
        | Self::ArgumentCount { at, .. }
        | Self::Argument { at, .. }
        | Self::Number { at } = &mut self
        {
            *at = source.char_indices().take_while(|(byte, _)| byte < at).count();
        }
        self
    }
}
