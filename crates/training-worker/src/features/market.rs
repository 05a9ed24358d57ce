use alphafleet_market::Panel;
use alphafleet_models::Finding;
use alphafleet_specs::FeatureComputationSpec;
use alphafleet_worker::child::{Assignment, HandlerError};

use super::rows::{Rows, cells};
use crate::handler::load;
use crate::pipeline::prepare::usable;

/// The bars to compute on, with the rows of a column.
pub(super) struct Market {
    pub panel: Panel,
    pub rows: Rows,
    /// Instrument and bar of each row.
    pub cells: Vec<(usize, usize)>,
    pub findings: Vec<Finding>,
}

pub(super) fn read(
    assignment: &Assignment,
    spec: &FeatureComputationSpec,
) -> Result<Market, HandlerError> {
    let (panel, findings) = panel(assignment, spec)?;
    let cells = cells(&panel);
    Ok(Market { rows: Rows::of(&panel, &cells), cells, panel, findings })
}

/// The bars that a specification's features are computed on: those of its universe, with missing
/// columns completed by their rules and prices adjusted; and what was found on the way.
pub(crate) fn panel(
    assignment: &Assignment,
    spec: &FeatureComputationSpec,
) -> Result<(Panel, Vec<Finding>), HandlerError> {
    let loaded = load(&assignment.storage_url, &assignment.dataset()?, &spec.fundamentals())?;
    let own = !spec.features.expressions.is_empty();
    Ok(usable(&spec.universe, spec.adjustment, own, loaded.into())?)
}
