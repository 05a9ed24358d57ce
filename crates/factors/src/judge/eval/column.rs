use std::borrow::Cow;

use crate::windows::without_infinities;

/// One series on its way through an expression, in numpy's type of that step.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Column {
    Bool(Vec<bool>),
    /// Truths with holes, which pandas keeps as objects: 0, 1 and NaN.
    Holed(Vec<f32>),
    F32(Vec<f32>),
    F64(Vec<f64>),
}

/// A series or a plain number beside it.
#[derive(Clone, Copy)]
pub(crate) enum Operand<'a> {
    Series(&'a Column),
    Scalar(f64),
}

/// What an element-wise step reads: one value a bar, or the same for all.
pub(crate) enum View<'a, T: Clone> {
    Series(Cow<'a, [T]>),
    Scalar(T),
}

impl<T: Copy> View<'_, T> {
    pub(crate) fn get(&self, bar: usize) -> T {
        match self {
            Self::Series(values) => values[bar],
            Self::Scalar(value) => *value,
        }
    }
}

impl Column {
    pub(crate) fn doubles(&self) -> Cow<'_, [f64]> {
        match self {
            Self::Bool(values) => values.iter().map(|&v| f64::from(u8::from(v))).collect(),
            Self::F32(values) | Self::Holed(values) => {
                values.iter().map(|&v| f64::from(v)).collect()
            }
            Self::F64(values) => Cow::Borrowed(values),
        }
    }

    pub(crate) fn singles(&self) -> Cow<'_, [f32]> {
        match self {
            Self::Bool(values) => values.iter().map(|&v| f32::from(u8::from(v))).collect(),
            Self::F32(values) | Self::Holed(values) => Cow::Borrowed(values),
            Self::F64(values) => values.iter().map(|&v| v as f32).collect(),
        }
    }

    /// What a pandas window sees: doubles, an infinity counting as missing.
    pub(crate) fn window_values(&self) -> Cow<'_, [f64]> {
        match self.doubles() {
            Cow::Borrowed(values) => without_infinities(values),
            Cow::Owned(values) => Cow::Owned(without_infinities(&values).into_owned()),
        }
    }

    /// numpy's truth: everything but 0, so NaN too.
    pub(crate) fn truths(&self) -> Cow<'_, [bool]> {
        match self {
            Self::Bool(values) => Cow::Borrowed(values),
            Self::F32(values) | Self::Holed(values) => values.iter().map(|&v| v != 0.0).collect(),
            Self::F64(values) => values.iter().map(|&v| v != 0.0).collect(),
        }
    }
}

impl<'a> Operand<'a> {
    pub(crate) fn doubles(self) -> View<'a, f64> {
        match self {
            Self::Series(column) => View::Series(column.doubles()),
            Self::Scalar(value) => View::Scalar(value),
        }
    }

    pub(crate) fn singles(self) -> View<'a, f32> {
        match self {
            Self::Series(column) => View::Series(column.singles()),
            Self::Scalar(value) => View::Scalar(value as f32),
        }
    }

    pub(crate) fn truths(self) -> View<'a, bool> {
        match self {
            Self::Series(column) => View::Series(column.truths()),
            Self::Scalar(value) => View::Scalar(value != 0.0),
        }
    }

    pub(crate) fn kind(self) -> crate::expr::kind::Kind {
        use crate::expr::kind::Kind;
        match self {
            Self::Scalar(_) => Kind::Constant,
            Self::Series(Column::Bool(_)) => Kind::Bool,
            Self::Series(Column::Holed(_)) => Kind::Holed,
            Self::Series(Column::F32(_)) => Kind::F32,
            Self::Series(Column::F64(_)) => Kind::F64,
        }
    }

    /// The precision two operands meet in.
    pub(crate) fn meet(self, other: Self) -> crate::expr::kind::Kind {
        self.kind().meet(other.kind())
    }
}
