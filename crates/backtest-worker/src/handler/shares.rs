use alphafleet_worker::child::{Assignment, Context, HandlerError, Part};

use super::stored::{Stored, unusable};
use crate::pipeline::SweepShare;

/// Reads what the shares of a sweep left, the children of its job.
///
/// # Errors
/// Names the share whose file is missing, does not have its checksum or cannot be read.
pub(super) fn read(
    assignment: &Assignment,
    parts: &[Part],
    ctx: &Context,
) -> Result<Vec<SweepShare>, HandlerError> {
    let stored = Stored::open(&assignment.storage_url)?;
    let of = parts.len();
    (parts.iter().enumerate())
        .map(|(at, part)| {
            ctx.check()?;
            let name = format!("share {} of {of}, left by {},", at + 1, part.job);
            let bytes =
                stored.read(&part.key, &part.sha256).map_err(|error| unusable(&name, &error))?;
            Ok(SweepShare::read(name, &bytes)?)
        })
        .collect()
}
