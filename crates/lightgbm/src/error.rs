use std::path::PathBuf;

/// What can go wrong between here and LightGBM.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// LightGBM refused a call.
    #[error("{call}: {message}")]
    LightGbm {
        /// The function of LightGBM's C interface.
        call: &'static str,
        /// LightGBM's own text.
        message: String,
    },
    /// Lengths do not fit together.
    #[error("{what} has {found} values where {expected} are needed")]
    Shape { what: &'static str, expected: usize, found: usize },
    /// More rows or columns than LightGBM can index.
    #[error("{what} of {found} is more than LightGBM can index")]
    TooLarge { what: &'static str, found: usize },
    /// A data set needs rows and columns.
    #[error("a data set needs at least one row and one column")]
    Empty,
    /// Text with a NUL byte, or a name LightGBM would change.
    #[error("{what} holds a character LightGBM does not take: {text:?}")]
    Text { what: &'static str, text: String },
    /// Not the text of a model, or one that would lead outside its own trees.
    #[error("not a LightGBM model: {0}")]
    Model(String),
    /// A file that could not be written.
    #[error("cannot write the model to {path}", path = .path.display())]
    Save {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
}
