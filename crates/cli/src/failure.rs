//! Exit codes: 0 done, 1 it failed, 2 the caller can mend it.

use std::process::ExitCode;

use alphafleet_bootstrap::{ServeError, SettingsError};
use alphafleet_datasets::DatasetError;
use alphafleet_factors::FactorError;
use alphafleet_specs::Faults;
use serde_json::json;
use thiserror::Error;

use crate::client::ClientError;

/// A mistake of the caller that no other error describes.
#[derive(Debug, Error)]
#[error("{0}")]
pub struct Usage(pub String);

/// Says what went wrong on standard error and answers the exit code.
pub fn report(error: &anyhow::Error, as_json: bool) -> ExitCode {
    let callers = is_callers(error);
    if as_json {
        eprintln!("{}", json!({ "error": format!("{error:#}"), "user_error": callers }));
    } else {
        eprintln!("error: {error:#}");
    }
    ExitCode::from(if callers { 2 } else { 1 })
}

fn is_callers(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        cause.is::<Usage>()
            || cause.is::<SettingsError>()
            || matches!(cause.downcast_ref(), Some(ServeError::Settings(_)))
            || cause.is::<Faults>()
            || cause.downcast_ref::<FactorError>().is_some_and(FactorError::is_callers)
            || cause.downcast_ref::<DatasetError>().is_some_and(DatasetError::is_callers)
            || cause.downcast_ref::<ClientError>().is_some_and(ClientError::is_callers)
    })
}
