use alphafleet_market::Panel;
use alphafleet_models::Finding;
use alphafleet_specs::FeatureComputationSpec;
use alphafleet_worker::child::{Assignment, HandlerError};

use super::rows::{Rows, cells};
use crate::handler::load;
use crate::pipeline::prepare::usable;

/// The bars to compute on.
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
    let loaded = load(&assignment.storage_url, &assignment.dataset()?)?;
    let own = !spec.features.expressions.is_empty();
    let (panel, findings) = usable(&spec.universe, spec.adjustment, own, loaded.into())?;
    let cells = cells(&panel);
    Ok(Market { rows: Rows::of(&panel, &cells), cells, panel, findings })
}
