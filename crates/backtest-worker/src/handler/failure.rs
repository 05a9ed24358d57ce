use alphafleet_domain::job::FailureCode;
use alphafleet_worker::child::HandlerError;

use crate::pipeline::{BacktestRunError, Blame};

impl From<BacktestRunError> for HandlerError {
    fn from(error: BacktestRunError) -> Self {
        if matches!(error, BacktestRunError::Stopped) {
            return Self::Stopped;
        }
        let code = match error.blame() {
            Blame::Specification => FailureCode::InvalidSpec,
            Blame::Data => FailureCode::InvalidData,
            Blame::Machine => FailureCode::HandlerError,
            Blame::Program => FailureCode::Internal,
        };
        let message = format!("{} ({})", error.explain(), error.code());
        if error.retryable() {
            Self::retryable(code, message)
        } else {
            Self::permanent(code, message)
        }
    }
}
