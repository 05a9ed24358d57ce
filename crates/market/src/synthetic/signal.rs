use crate::adjust::adjustment_factor;
use crate::panel::Panel;

/// Bars the signal looks back.
pub(super) const LOOKBACK: usize = 5;
const CLIP: f64 = 3.0;
const REVERSAL: f64 = 0.8;
const QUIET: f64 = 0.6;

/// The planted signal of a synthetic market, read from its bars; laid out like a field.
///
/// `s = z(0.8 · z(−(close_t / close_{t−5} − 1)) + 0.6 · z(ln(mean(volume, 5) / volume_t)))`
/// on adjusted prices and volumes, where `z` is the cross-sectional z-score clipped to ±3:
/// past losers on falling volume rise. It is monotone in `ROC5` and `VMA5` of Alpha158.
/// NaN where a bar of the last five or the bar five before is missing.
pub fn planted_signal(panel: &Panel) -> Vec<f64> {
    let (factor, _) = adjustment_factor(panel);
    let bars = panel.calendar().len();
    let field = |name: &str| panel.field(name).unwrap_or_default();
    let close: Vec<f64> = field("close").iter().zip(&factor).map(|(p, f)| p * f).collect();
    let volume: Vec<f64> = field("volume").iter().zip(&factor).map(|(v, f)| v / f).collect();
    let count = panel.instruments().len();
    let mut signal = vec![f64::NAN; close.len()];
    if volume.len() != close.len() {
        return signal;
    }
    let mut section = Section::default();
    for bar in LOOKBACK..bars {
        section.clear();
        for instrument in 0..count {
            let at = instrument * bars + bar;
            section.push(&close[at - LOOKBACK..=at], &volume[at + 1 - LOOKBACK..=at]);
        }
        for (instrument, &value) in section.scores().iter().enumerate() {
            signal[instrument * bars + bar] = value;
        }
    }
    signal
}

/// One cross-section of raw patterns on its way to scores.
#[derive(Default)]
pub(super) struct Section {
    reversal: Vec<f64>,
    quiet: Vec<f64>,
}

impl Section {
    pub(super) fn clear(&mut self) {
        self.reversal.clear();
        self.quiet.clear();
    }

    /// `close`: the last six, `volume`: the last five, both oldest first.
    pub(super) fn push(&mut self, close: &[f64], volume: &[f64]) {
        let (first, last) = (close[0], close[close.len() - 1]);
        let mean = volume.iter().sum::<f64>() / volume.len() as f64;
        self.reversal.push(1.0 - last / first);
        self.quiet.push((mean / volume[volume.len() - 1]).ln());
    }

    pub(super) fn scores(&mut self) -> &[f64] {
        // Both patterns are needed: a missing one leaves the instrument out of both sections.
        for (a, b) in self.reversal.iter_mut().zip(&mut self.quiet) {
            if !(a.is_finite() && b.is_finite()) {
                (*a, *b) = (f64::NAN, f64::NAN);
            }
        }
        z_score(&mut self.reversal);
        z_score(&mut self.quiet);
        for (a, b) in self.reversal.iter_mut().zip(&self.quiet) {
            *a = REVERSAL * *a + QUIET * b;
        }
        z_score(&mut self.reversal);
        &self.reversal
    }
}

fn z_score(values: &mut [f64]) {
    let (mean, deviation) = moments(values);
    for value in values {
        *value = if deviation > 0.0 {
            ((*value - mean) / deviation).clamp(-CLIP, CLIP)
        } else {
            f64::NAN
        };
    }
}

/// Mean and standard deviation of what is not NaN.
pub(super) fn moments(values: &[f64]) -> (f64, f64) {
    let known = || values.iter().copied().filter(|value| !value.is_nan());
    let count = known().count() as f64;
    let mean = known().sum::<f64>() / count;
    let variance = known().map(|value| (value - mean).powi(2)).sum::<f64>() / count;
    (mean, variance.sqrt())
}
