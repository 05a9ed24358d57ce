//! Expressions over a panel, instrument by instrument.

mod column;
mod elementwise;
mod plan;
mod series;

use alphafleet_market::Panel;

use crate::expr::Node;
use plan::Plan;

/// An expression's values on every listed bar of every instrument, cross-sections aside.
pub(crate) fn compute(panel: &Panel, root: &Node) -> Vec<Vec<f32>> {
    let plan = Plan::new([root]);
    let last_uses = plan.last_uses();
    let instrument = |instrument: usize| {
        let listed = panel.listed(instrument);
        let field = |name: &str| {
            let series = panel.series(name, instrument).unwrap_or_default();
            series.get(listed.clone()).unwrap_or_default().iter().map(|&v| v as f32).collect()
        };
        let mut result = vec![];
        series::run(&plan, &last_uses, listed.len(), field, |_, column| {
            result = column.singles().into_owned();
        });
        result
    };
    (0..panel.instruments().len()).map(instrument).collect()
}
