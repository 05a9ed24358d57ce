/// Why a fit or a prediction is refused.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// Lengths do not fit together.
    #[error("{what} has {found} values where {expected} are needed")]
    Shape { what: &'static str, expected: usize, found: usize },
    /// Nothing to learn from.
    #[error("the {0} segment has no rows")]
    Empty(&'static str),
    /// A label that is NaN or infinite; such rows have to be dropped first.
    #[error("the label of row {row} is not a finite number; drop such rows before the fit")]
    Label { row: usize },
    /// A feature value a linear model cannot take.
    #[error(
        "feature {column:?} is missing or infinite in {count} rows (first in row {row}); fill it before a linear model"
    )]
    Missing { column: String, row: usize, count: usize },
    /// The features of a prediction are not those of the fit.
    #[error("feature {at} is {found:?}, the model was fitted with {expected:?} there")]
    Features { at: usize, expected: String, found: String },
    /// Fewer rows than coefficients.
    #[error("{rows} rows are too few for {columns} features; {needed} are needed")]
    TooFewRows { rows: usize, columns: usize, needed: usize },
    /// The normal equations have no solution; a positive `alpha` gives them one.
    #[error("the normal equations cannot be solved ({0}); a larger alpha helps")]
    Singular(String),
    /// A parameter out of its range.
    #[error("{name} must be {wanted}, not {found}")]
    Parameter { name: &'static str, wanted: &'static str, found: String },
    /// A checkpoint of another run.
    #[error("the checkpoint does not belong to this run: {0}")]
    Checkpoint(String),
    /// Bytes that are no model file, or a damaged one.
    #[error("not a model file: {0}")]
    File(String),
    /// LightGBM refused.
    #[error("LightGBM: {0}")]
    LightGbm(#[from] alphafleet_lightgbm::Error),
}
