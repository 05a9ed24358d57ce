use alphafleet_worker::child::HandlerError;

use crate::pipeline::BacktestRunError;

impl From<BacktestRunError> for HandlerError {
    fn from(error: BacktestRunError) -> Self {
        if matches!(error, BacktestRunError::Stopped) {
            return Self::Stopped;
        }
        Self::blamed(error.blame(), error.code(), &error)
    }
}
