use std::error::Error;

use alphafleet_domain::job::FailureCode;

use super::HandlerError;

/// What has to change before another attempt can do better.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Blame {
    Specification,
    Data,
    /// Disk or storage; the same attempt may well succeed later.
    Machine,
    /// Our own fault.
    Program,
}

impl Blame {
    /// Whether another attempt of the same run can succeed.
    pub fn is_retryable(self) -> bool {
        self == Self::Machine
    }

    const fn failure_code(self) -> FailureCode {
        match self {
            Self::Specification => FailureCode::InvalidSpec,
            Self::Data => FailureCode::InvalidData,
            Self::Machine => FailureCode::HandlerError,
            Self::Program => FailureCode::Internal,
        }
    }
}

impl HandlerError {
    /// The failure that an error of a handler's work is; `code` is the error's stable name.
    pub fn blamed(blame: Blame, code: &str, error: &dyn Error) -> Self {
        let message = format!("{} ({code})", explain(error));
        if blame.is_retryable() {
            Self::retryable(blame.failure_code(), message)
        } else {
            Self::permanent(blame.failure_code(), message)
        }
    }
}

/// An error with the whole chain of its causes as one sentence.
pub fn explain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(": ");
        text.push_str(&error.to_string());
        cause = error.source();
    }
    text
}
