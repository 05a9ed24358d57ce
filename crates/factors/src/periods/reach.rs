use crate::expr::{Node, Shift};

/// Periods that there are at most: more of the past cannot be read.
const LONGEST: usize = 800;

/// How many periods before the newest one an expression reads: Qlib's `get_extended_window_size`.
/// Every field in it is read this far, also where its own part needs less.
pub(super) fn reach(node: &Node) -> usize {
    let inner = node.children().into_iter().map(reach).max().unwrap_or(0);
    let own = match node {
        Node::Rolling(_, _, window) | Node::Quantile(_, window, _) | Node::Pair(.., window) => {
            window.saturating_sub(1)
        }
        Node::Shift(Shift::Ref, _, distance) => usize::try_from(*distance).unwrap_or(0),
        Node::Ema(_, span) => weighted(*span).saturating_sub(1),
        _ => 0,
    };
    inner.saturating_add(own).min(LONGEST)
}

/// The periods an exponential mean is taken over: its span, or for a factor those whose weights
/// are not below 10⁻⁶ of the newest one's.
fn weighted(span: f64) -> usize {
    let periods = if span < 1.0 { 1e-6_f64.ln() / (1.0 - span).ln() } else { span };
    periods as usize
}
