use serde::{Deserialize, Serialize};

use crate::adjust::adjustment_factor;
use crate::finding::{Finding, FindingCode, FindingLog};
use crate::panel::Panel;

/// Limits of the checks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct CheckRules {
    /// Relative change of the adjusted close from bar to bar that counts as a jump.
    pub jump: f64,
    /// Calendar entries missing in a row, inside a listing, that count as a gap.
    pub gap_bars: usize,
    /// Bars an instrument needs before an unchanging volume is a finding.
    pub constant_volume_bars: usize,
    /// Relative tolerance of comparisons with high and low; sources round to float32.
    pub tolerance: f64,
}

impl Default for CheckRules {
    fn default() -> Self {
        Self { jump: 0.4, gap_bars: 10, constant_volume_bars: 20, tolerance: 1e-6 }
    }
}

/// Checks the bars of a panel of raw prices and sums what it finds.
///
/// Covers missing volume, high below low, prices outside low and high, flat bars, prices that
/// are not positive, negative, zero and constant volumes, jumps of the adjusted close, and gaps. What only
/// rows can show (null, doubled and unordered ones) is the import's to find.
pub fn check_panel(panel: &Panel, rules: &CheckRules) -> Vec<Finding> {
    let mut log = FindingLog::default();
    if panel.field("volume").is_none() {
        let message = "column volume is missing: factors that use $volume are left out";
        log.push(Finding::whole(FindingCode::MissingColumn, Some("volume"), message));
    }
    let (factor, _) = adjustment_factor(panel);
    let bars = panel.calendar().len();
    for index in 0..panel.instruments().len() {
        let mut check = InstrumentCheck { panel, rules, index, log: &mut log };
        check.bars();
        check.volume();
        check.jumps(&factor[index * bars..(index + 1) * bars]);
        check.gaps();
    }
    log.into_findings()
}

struct InstrumentCheck<'a> {
    panel: &'a Panel,
    rules: &'a CheckRules,
    index: usize,
    log: &'a mut FindingLog,
}

impl<'a> InstrumentCheck<'a> {
    fn series(&self, field: &str) -> Option<&'a [f64]> {
        self.panel.series(field, self.index)
    }

    fn note(&mut self, code: FindingCode, column: Option<&str>, bar: usize) {
        let (panel, index) = (self.panel, self.index);
        self.log.note(code, column, &panel.instruments()[index], panel.calendar()[bar]);
    }

    fn bars(&mut self) {
        let prices = ["open", "high", "low", "close", "vwap"];
        for name in prices {
            for (bar, &price) in self.series(name).unwrap_or_default().iter().enumerate() {
                if price <= 0.0 {
                    self.note(FindingCode::NonPositivePrice, Some(name), bar);
                }
            }
        }
        let (Some(high), Some(low)) = (self.series("high"), self.series("low")) else {
            return;
        };
        let tolerance = self.rules.tolerance;
        for bar in 0..high.len() {
            if high[bar] < low[bar] {
                self.note(FindingCode::HighBelowLow, None, bar);
                continue;
            }
            for name in ["open", "close", "vwap"] {
                let Some(price) = self.series(name).map(|values| values[bar]) else { continue };
                let (above, below) = (price - high[bar], low[bar] - price);
                if above.max(below) > tolerance * price.abs() {
                    self.note(FindingCode::PriceOutsideRange, Some(name), bar);
                }
            }
        }
        if let (Some(open), Some(close)) = (self.series("open"), self.series("close")) {
            for bar in 0..high.len() {
                if open[bar] == high[bar] && high[bar] == low[bar] && low[bar] == close[bar] {
                    self.note(FindingCode::FlatBar, None, bar);
                }
            }
        }
    }

    fn volume(&mut self) {
        let Some(volume) = self.series("volume") else { return };
        for (bar, &value) in volume.iter().enumerate() {
            if value == 0.0 {
                self.note(FindingCode::ZeroVolume, Some("volume"), bar);
            } else if value < 0.0 {
                self.note(FindingCode::NegativeVolume, Some("volume"), bar);
            }
        }
        let mut known = volume.iter().enumerate().filter(|(_, value)| !value.is_nan());
        let Some((first, &value)) = known.next() else { return };
        let others: Vec<_> = known.collect();
        let constant = value != 0.0 && others.iter().all(|&(_, &other)| other == value);
        if constant && others.len() + 1 >= self.rules.constant_volume_bars {
            for bar in std::iter::once(first).chain(others.iter().map(|&(bar, _)| bar)) {
                self.note(FindingCode::ConstantVolume, Some("volume"), bar);
            }
        }
    }

    fn jumps(&mut self, factor: &[f64]) {
        let Some(close) = self.series("close") else { return };
        let mut before: Option<f64> = None;
        for (bar, (&price, &factor)) in close.iter().zip(factor).enumerate() {
            let adjusted = price * factor;
            if !(adjusted.is_finite() && adjusted > 0.0) {
                continue;
            }
            if before.is_some_and(|before| (adjusted / before - 1.0).abs() > self.rules.jump) {
                self.note(FindingCode::Jump, Some("close"), bar);
            }
            before = Some(adjusted);
        }
    }

    fn gaps(&mut self) {
        let mut missing = 0;
        // Rows may begin without any value: an instrument's life does not.
        let (panel, index) = (self.panel, self.index);
        for bar in panel.listed(index).skip_while(|&bar| !panel.has_bar(index, bar)) {
            if !panel.has_bar(index, bar) {
                missing += 1;
                continue;
            }
            if missing >= self.rules.gap_bars.max(1) {
                self.note(FindingCode::Gap, None, bar - missing);
            }
            missing = 0;
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use chrono::NaiveDate;

    use super::*;
    use crate::calendar::business_days;
    use crate::panel::{PanelBuilder, PanelRow};

    const GOOD: [f64; 5] = [10.0, 11.0, 9.0, 10.5, 100.0];

    /// `count` good bars of A and B with one bar of A replaced.
    fn findings(count: usize, at: usize, bar: Option<[f64; 5]>) -> Vec<(FindingCode, u64)> {
        let days = business_days(NaiveDate::from_ymd_opt(2024, 1, 1).unwrap(), count);
        let mut builder = PanelBuilder::new(["open", "high", "low", "close", "volume"]);
        for (t, &time) in days.iter().enumerate() {
            let mut good = GOOD;
            good[4] += t as f64;
            builder.push(PanelRow { instrument: "B", time, values: &good }).unwrap();
            let own = if t == at { bar } else { Some(good) };
            if let Some(values) = own {
                builder.push(PanelRow { instrument: "A", time, values: &values }).unwrap();
            }
        }
        let found = check_panel(
            &builder.build().unwrap(),
            &CheckRules { gap_bars: 1, ..Default::default() },
        );
        for finding in &found {
            assert_eq!(finding.instrument.as_deref(), Some("A"));
            assert_eq!(finding.first, Some(days[at]), "{finding}");
        }
        found.into_iter().map(|finding| (finding.code, finding.count)).collect()
    }

    #[test]
    fn each_fault_has_its_finding() {
        let cases = [
            (Some([10.0, 9.0, 11.0, 10.0, 9.0]), vec![FindingCode::HighBelowLow]),
            (Some([12.0, 11.0, 9.0, 10.5, 9.0]), vec![FindingCode::PriceOutsideRange]),
            (Some([10.0, 10.0, 10.0, 10.0, 9.0]), vec![FindingCode::FlatBar]),
            (Some([10.0, 11.0, 9.0, 10.0, 0.0]), vec![FindingCode::ZeroVolume]),
            (Some([10.0, 11.0, 9.0, 10.0, -1.0]), vec![FindingCode::NegativeVolume]),
            (Some([10.0, 11.0, -9.0, 10.0, 5.0]), vec![FindingCode::NonPositivePrice]),
            (None, vec![FindingCode::Gap]),
        ];
        for (bar, codes) in cases {
            let found: Vec<_> = findings(30, 7, bar).into_iter().map(|(code, _)| code).collect();
            assert_eq!(found, codes, "{bar:?}");
        }
        // There and back again: two jumps.
        let jump = findings(30, 7, Some([20.0, 21.0, 19.0, 20.0, 5.0]));
        assert_eq!(jump, [(FindingCode::Jump, 2)]);
    }

    #[test]
    fn clean_bars_have_no_findings_and_constant_volume_one() {
        assert!(findings(30, 99, None).is_empty());
        let days = business_days(NaiveDate::from_ymd_opt(2024, 1, 1).unwrap(), 25);
        let mut builder = PanelBuilder::new(["open", "high", "low", "close", "volume"]);
        for time in days {
            builder.push(PanelRow { instrument: "A", time, values: &GOOD }).unwrap();
        }
        let found = check_panel(&builder.build().unwrap(), &CheckRules::default());
        assert_eq!(found.len(), 1);
        assert_eq!((found[0].code, found[0].count), (FindingCode::ConstantVolume, 25));
    }

    #[test]
    fn a_split_that_the_factor_knows_is_no_jump() {
        let days = business_days(NaiveDate::from_ymd_opt(2024, 1, 1).unwrap(), 2);
        let mut builder = PanelBuilder::new(["close", "factor"]);
        for (time, values) in days.into_iter().zip([[100.0, 1.0], [51.0, 2.0]]) {
            builder.push(PanelRow { instrument: "A", time, values: &values }).unwrap();
        }
        let found = check_panel(&builder.build().unwrap(), &CheckRules::default());
        let codes: Vec<_> = found.iter().map(|finding| finding.code).collect();
        assert_eq!(codes, [FindingCode::MissingColumn]);
    }

    #[test]
    fn findings_travel_as_json_and_read_as_sentences() {
        let finding = Finding::whole(FindingCode::DerivedColumn, Some("vwap"), "typical price");
        let json = serde_json::to_string(&finding).unwrap();
        assert_eq!(
            json,
            r#"{"code":"derived_column","severity":"info","column":"vwap","count":1,"message":"typical price"}"#
        );
        assert_eq!(serde_json::from_str::<Finding>(&json).unwrap(), finding);
        assert_eq!(finding.to_string(), "info [derived_column] typical price");
    }
}
