use super::node::{Binary, Unary};

/// What a part yields, after numpy's promotion rules (NEP 50: plain numbers adapt to the series).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Constant,
    Bool,
    /// A condition that was moved, and so is missing beyond its ends: pandas keeps the two truths
    /// and NaN as Python objects, whose arithmetic is Python's.
    Holed,
    F32,
    F64,
}

impl Kind {
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Constant => "a plain number",
            Self::Bool | Self::Holed => "a condition",
            Self::F32 | Self::F64 => "numbers",
        }
    }

    pub(crate) fn is_condition(self) -> bool {
        matches!(self, Self::Bool | Self::Holed)
    }

    /// The kind two operands meet in.
    pub(crate) fn meet(self, other: Self) -> Self {
        match (self, other) {
            (Self::Constant, Self::Constant) => Self::Constant,
            (Self::F64, _) | (_, Self::F64) => Self::F64,
            (Self::Bool, Self::Bool) => Self::Bool,
            (a, b) if a.is_condition() && b.is_condition() => Self::Holed,
            // Beside objects, numbers are Python's, which are doubles.
            (Self::Holed, _) | (_, Self::Holed) => Self::F64,
            (Self::F32, _) | (_, Self::F32) => Self::F32,
            // numpy makes these integers or doubles; a double holds both exactly.
            (Self::Constant | Self::Bool, Self::Constant | Self::Bool) => Self::F64,
        }
    }

    /// The kind in which an arithmetic operator finds two operands.
    pub(crate) fn meet_in(self, op: Binary, other: Self) -> Self {
        let selects = matches!(op, Binary::Greater | Binary::Less);
        match self.meet(other) {
            // Python's sum of two truths is a whole number.
            Self::Holed if !selects => Self::F64,
            kind => kind,
        }
    }

    pub(crate) fn of_unary(op: Unary, arg: Self) -> Result<Self, &'static str> {
        match (op, arg) {
            (Unary::Neg, Self::Constant) => Ok(Self::Constant),
            (_, Self::Constant) => Err("a series"),
            (Unary::Not, Self::Bool) => Ok(Self::Bool),
            (Unary::Not, _) => Err("a condition"),
            (Unary::Abs, kind) => Ok(kind),
            (Unary::Sign, _) => Ok(Self::F32),
            (Unary::Neg | Unary::Log, Self::Bool) => Err("numbers"),
            (Unary::Neg | Unary::Log, Self::Holed) => Ok(Self::F32),
            (Unary::Neg | Unary::Log, kind) => Ok(kind),
        }
    }

    pub(crate) fn of_binary(op: Binary, a: Self, b: Self) -> Result<Self, &'static str> {
        let arithmetic =
            matches!(op, Binary::Add | Binary::Sub | Binary::Mul | Binary::Div | Binary::Power);
        match (op, a, b) {
            (_, Self::Constant, Self::Constant) if arithmetic => Ok(Self::Constant),
            (_, Self::Constant, Self::Constant) => Err("a series on one side at least"),
            (Binary::And | Binary::Or, a, b) if a.is_condition() && b.is_condition() => {
                Ok(Self::Bool)
            }
            (Binary::And | Binary::Or, ..) => {
                Err("a condition on both sides (& and | bind tighter than comparisons)")
            }
            (Binary::Sub | Binary::Div | Binary::Power, Self::Bool, Self::Bool) => {
                Err("numbers on one side at least")
            }
            (op, _, _) if op.compares() => Ok(Self::Bool),
            (op, a, b) => Ok(a.meet_in(op, b)),
        }
    }
}
