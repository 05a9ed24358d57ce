use thiserror::Error;

/// Why an indicator cannot be built or run.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum IndicatorError {
    #[error("{operator} takes at most {most} numbers, {found} are given")]
    TooManyParameters { operator: &'static str, most: usize, found: usize },
    #[error(
        "{operator}: {parameter} must be {} from {min} to {max}, not {value}",
        if *.whole { "a whole number" } else { "a number" }
    )]
    ParameterOutOfRange {
        operator: &'static str,
        parameter: &'static str,
        value: f64,
        min: f64,
        max: f64,
        whole: bool,
    },
    #[error("the indicator reads {expected} series, {found} are given")]
    InputCount { expected: usize, found: usize },
    #[error("the indicator writes {expected} series, {found} are given")]
    OutputCount { expected: usize, found: usize },
    #[error("a block has {expected} bars, but one of its series has {found}")]
    LengthMismatch { expected: usize, found: usize },
}

impl IndicatorError {
    /// A stable, machine-readable name of the problem.
    pub fn code(&self) -> &'static str {
        match self {
            Self::TooManyParameters { .. } => "too_many_parameters",
            Self::ParameterOutOfRange { .. } => "parameter_out_of_range",
            Self::InputCount { .. } => "indicator_input_count",
            Self::OutputCount { .. } => "indicator_output_count",
            Self::LengthMismatch { .. } => "indicator_length_mismatch",
        }
    }
}
