use crate::ModelError;

/// Features of some rows, to predict from. Column-major: value `(row, column)` lies at
/// `column * rows + row`; NaN is missing.
#[derive(Debug, Clone, Copy)]
pub struct Features<'a> {
    pub values: &'a [f32],
    pub rows: usize,
    pub columns: usize,
    /// One a column.
    pub names: &'a [String],
}

/// Features and label of a segment, to fit on or to evaluate with. Layout as in [`Features`].
#[derive(Debug, Clone, Copy)]
pub struct Design<'a> {
    pub features: &'a [f32],
    pub rows: usize,
    pub columns: usize,
    /// One a column.
    pub names: &'a [String],
    /// One a row, as the model shall see it; finite.
    pub label: &'a [f32],
}

impl<'a> Features<'a> {
    /// # Errors
    /// When the lengths do not fit together.
    pub fn check(&self) -> Result<(), ModelError> {
        let expected = self.rows.saturating_mul(self.columns);
        same("the feature matrix", expected, self.values.len())?;
        same("the list of feature names", self.columns, self.names.len())
    }

    /// # Errors
    /// When these are not the features `expected`, in their order.
    pub fn check_names(&self, expected: &[String]) -> Result<(), ModelError> {
        same("a row", expected.len(), self.columns)?;
        match expected.iter().zip(self.names).position(|(wanted, found)| wanted != found) {
            None => Ok(()),
            Some(at) => {
                let (expected, found) = (expected[at].clone(), self.names[at].clone());
                Err(ModelError::Features { at, expected, found })
            }
        }
    }

    /// The values of column `at`; `at` must be below `columns`.
    pub fn column(&self, at: usize) -> &'a [f32] {
        &self.values[at * self.rows..(at + 1) * self.rows]
    }
}

impl<'a> Design<'a> {
    /// The same rows without their label.
    pub fn features(&self) -> Features<'a> {
        let Self { features: values, rows, columns, names, .. } = *self;
        Features { values, rows, columns, names }
    }

    /// # Errors
    /// When the lengths do not fit together, there is no row, or a label is not finite.
    pub fn check(&self, segment: &'static str) -> Result<(), ModelError> {
        self.features().check()?;
        same("the label", self.rows, self.label.len())?;
        if self.rows == 0 || self.columns == 0 {
            return Err(ModelError::Empty(segment));
        }
        match self.label.iter().position(|value| !value.is_finite()) {
            Some(row) => Err(ModelError::Label { row }),
            None => Ok(()),
        }
    }
}

pub(crate) fn same(what: &'static str, expected: usize, found: usize) -> Result<(), ModelError> {
    if expected == found { Ok(()) } else { Err(ModelError::Shape { what, expected, found }) }
}
