//! What an assignment allots to its handler.

use std::path::Path;

use alphafleet_domain::job::FailureCode;
use alphafleet_worker::child::{Assignment, HandlerError};

/// The job's folder.
pub(crate) fn scratch(assignment: &Assignment) -> Result<&Path, HandlerError> {
    assignment.scratch_folder().map_err(|error| {
        HandlerError::retryable(FailureCode::HandlerError, format!("no scratch folder: {error}"))
    })
}

/// The threads a specification asks for (0: all there are), but never more than there are.
pub(crate) fn threads(wanted: u32, assignment: &Assignment) -> usize {
    let offered = assignment.threads.max(1);
    match wanted as usize {
        0 => offered,
        wanted => wanted.min(offered),
    }
}
