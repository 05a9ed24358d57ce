use super::node::{Binary, Unary};

/// What a part yields, after numpy's promotion rules (NEP 50: plain numbers adapt to the series).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Constant,
    Bool,
    F32,
    F64,
}

impl Kind {
    pub(super) fn describe(self) -> &'static str {
        match self {
            Self::Constant => "a plain number",
            Self::Bool => "a condition",
            Self::F32 | Self::F64 => "numbers",
        }
    }

    /// The kind two operands meet in.
    pub(crate) fn meet(self, other: Self) -> Self {
        match (self, other) {
            (Self::Constant, Self::Constant) => Self::Constant,
            (Self::F64, _) | (_, Self::F64) => Self::F64,
            (Self::F32, _) | (_, Self::F32) => Self::F32,
            (Self::Bool, Self::Bool) => Self::Bool,
            // numpy makes these integers or doubles; a double holds both exactly.
            _ => Self::F64,
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
            (Unary::Neg | Unary::Log, kind) => Ok(kind),
        }
    }

    pub(crate) fn of_binary(op: Binary, a: Self, b: Self) -> Result<Self, &'static str> {
        let arithmetic =
            matches!(op, Binary::Add | Binary::Sub | Binary::Mul | Binary::Div | Binary::Power);
        match (op, a, b) {
            (_, Self::Constant, Self::Constant) if arithmetic => Ok(Self::Constant),
            (_, Self::Constant, Self::Constant) => Err("a series on one side at least"),
            (Binary::And | Binary::Or, Self::Bool, Self::Bool) => Ok(Self::Bool),
            (Binary::And | Binary::Or, ..) => {
                Err("a condition on both sides (& and | bind tighter than comparisons)")
            }
            (Binary::Sub | Binary::Div | Binary::Power, Self::Bool, Self::Bool) => {
                Err("numbers on one side at least")
            }
            (op, _, _) if op.compares() => Ok(Self::Bool),
            _ => Ok(a.meet(b)),
        }
    }
}
