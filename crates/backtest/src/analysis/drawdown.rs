use serde::Serialize;

/// A fall of compounded wealth from a peak, and the way back. Places are indices of returns; the
/// peak is the return after which wealth was highest, none for the start.
#[derive(Debug, Clone, Copy, PartialEq, Serialize)]
pub struct Drawdown {
    /// Greatest fall as a fraction of the peak, negative.
    pub depth: f64,
    pub peak: Option<usize>,
    pub trough: usize,
    /// The return that brought wealth back to the peak, if one did.
    pub recovered: Option<usize>,
    /// Returns from the peak to the recovery, or to the end.
    pub length: usize,
}

/// All falls, in order of time.
pub fn drawdowns(returns: &[f64]) -> Vec<Drawdown> {
    let mut found = vec![];
    let mut open: Option<Drawdown> = None;
    let (mut wealth, mut highest, mut peak) = (1.0_f64, 1.0_f64, None);
    for (place, change) in returns.iter().enumerate() {
        wealth *= 1.0 + change;
        if wealth >= highest {
            if let Some(fall) = open.take() {
                found.push(Drawdown { recovered: Some(place), ..fall }.measured(place));
            }
            (highest, peak) = (wealth, Some(place));
            continue;
        }
        let depth = wealth / highest - 1.0;
        let fall =
            open.get_or_insert(Drawdown { depth, peak, trough: place, recovered: None, length: 0 });
        if depth < fall.depth {
            (fall.depth, fall.trough) = (depth, place);
        }
    }
    found.extend(open.map(|fall| fall.measured(returns.len().saturating_sub(1))));
    found
}

impl Drawdown {
    fn measured(self, end: usize) -> Self {
        let length = self.peak.map_or(end + 1, |peak| end - peak);
        Self { length, ..self }
    }
}

/// The deepest fall, if wealth ever fell.
pub fn max_drawdown(returns: &[f64]) -> Option<Drawdown> {
    drawdowns(returns).into_iter().min_by(|a, b| a.depth.total_cmp(&b.depth))
}
