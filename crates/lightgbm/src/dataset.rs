use std::fmt;
use std::sync::Arc;

use crate::raw::DatasetHandle;
use crate::{Error, Matrix, Parameters};

/// What a data set is made of besides its matrix.
#[derive(Debug, Clone, Copy, Default)]
pub struct DatasetFields<'a> {
    /// One value a row.
    pub label: &'a [f32],
    /// Where boosting starts, one score a row, instead of the label's average.
    pub init_score: Option<&'a [f64]>,
    /// One name a column; without them LightGBM calls them `Column_0`, `Column_1`, ….
    pub names: Option<&'a [String]>,
}

/// A matrix in bins with its label, ready for boosting. Immutable, and cheap to clone: clones and
/// the boosters on it share the bins.
#[derive(Clone)]
pub struct Dataset {
    pub(crate) handle: Arc<DatasetHandle>,
    rows: usize,
    columns: usize,
}

impl fmt::Debug for Dataset {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Dataset")
            .field("rows", &self.rows)
            .field("columns", &self.columns)
            .finish_non_exhaustive()
    }
}

impl Dataset {
    /// Bins `matrix`; a validation set takes the bins of its `reference`, the training set.
    ///
    /// # Errors
    /// When there is no row or column, a length does not fit, a name is not printable without
    /// blanks and `"[]{},:`, or LightGBM refuses.
    pub fn new(
        matrix: Matrix<'_>,
        fields: DatasetFields<'_>,
        parameters: &Parameters,
        reference: Option<&Dataset>,
    ) -> Result<Self, Error> {
        let (rows, columns) = (matrix.rows(), matrix.columns());
        if rows == 0 || columns == 0 {
            return Err(Error::Empty);
        }
        same("the label", rows, fields.label.len())?;
        if let Some(reference) = reference {
            same("a row of the data set", reference.columns, columns)?;
        }
        let reference = reference.map(|reference| &*reference.handle);
        let mut handle = DatasetHandle::new(matrix, &parameters.to_string(), reference)?;
        handle.set_label(fields.label)?;
        if let Some(scores) = fields.init_score {
            same("the initial score", rows, scores.len())?;
            handle.set_init_score(scores)?;
        }
        if let Some(names) = fields.names {
            same("the list of names", columns, names.len())?;
            names.iter().try_for_each(|name| plain(name))?;
            handle.set_feature_names(names)?;
        }
        Ok(Self { handle: Arc::new(handle), rows, columns })
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn columns(&self) -> usize {
        self.columns
    }
}

fn same(what: &'static str, expected: usize, found: usize) -> Result<(), Error> {
    if expected == found { Ok(()) } else { Err(Error::Shape { what, expected, found }) }
}

/// LightGBM would change blanks and its text form would not survive the rest.
fn plain(name: &str) -> Result<(), Error> {
    let refused = |c: char| c.is_whitespace() || c.is_control() || "\"[]{},:".contains(c);
    if name.is_empty() || name.contains(refused) {
        return Err(Error::Text { what: "a feature's name", text: name.to_owned() });
    }
    Ok(())
}
