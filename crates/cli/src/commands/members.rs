use alphafleet_market::Panel;

use crate::failure::Usage;

/// The bars with a universe of those that a field says belong to it, if one is named, with or
/// without its `$`.
pub fn of_universe(panel: Panel, members: Option<&str>) -> Result<Panel, Usage> {
    let Some(field) = members else { return Ok(panel) };
    let field = field.strip_prefix('$').unwrap_or(field);
    panel.with_members(field).map_err(|error| Usage(format!("--members: {error}")))
}
