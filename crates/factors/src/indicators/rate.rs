use serde::{Deserialize, Serialize};

use super::indicator::Indicator;
use super::window::Ring;

/// TA-Lib's `ROC`: the change against `window` bars ago in per cent; 0 where that value was 0.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct RateOfChange {
    pub(super) values: Ring,
}

impl RateOfChange {
    pub(super) fn new(window: usize) -> Self {
        Self { values: Ring::new(window) }
    }
}

impl Indicator<1, 1> for RateOfChange {
    #[inline(always)]
    fn step(&mut self, [value]: [f64; 1]) -> [f64; 1] {
        let Some(earlier) = self.values.push(value) else { return [f64::NAN] };
        [if earlier == 0.0 { 0.0 } else { ((value / earlier) - 1.0) * 100.0 }]
    }
}
