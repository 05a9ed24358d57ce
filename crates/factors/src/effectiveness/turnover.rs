use super::bar_ic::Correlator;
use super::quantiles::Groups;
use super::report::Turnover;
use super::sections::{Ranked, Sections};
use super::statistics::mean;

/// No place in the earlier bar.
const ABSENT: u32 = u32::MAX;

/// Each lag's turnover. A bar counts where it and the bar `lag` before have members in the group,
/// or a correlation.
pub(super) fn turnover(
    sections: &Sections,
    factor: &Ranked,
    groups: &Groups,
    lags: &[usize],
    correlator: &mut Correlator,
) -> Vec<Turnover> {
    let mut places = vec![ABSENT; sections.instrument_count()];
    lags.iter()
        .map(|&lag| {
            let (mut top, mut bottom, mut correlations) = (vec![], vec![], vec![]);
            for bar in lag..sections.bars() {
                places.fill(ABSENT);
                for (at, &instrument) in sections.instruments_of(bar - lag).iter().enumerate() {
                    places[instrument as usize] = at as u32;
                }
                let step = Step { sections, groups, bar, earlier: bar - lag, places: &places };
                bottom.extend(step.share_new(1));
                top.extend(step.share_new(groups.count as u8));
                correlations.extend(step.correlation(factor, correlator));
            }
            let rank_autocorrelation = mean(correlations);
            Turnover { lag, top: mean(top), bottom: mean(bottom), rank_autocorrelation }
        })
        .collect()
}

/// A bar and an earlier one.
struct Step<'a> {
    sections: &'a Sections,
    groups: &'a Groups,
    bar: usize,
    earlier: usize,
    /// Where each instrument lies in the earlier bar.
    places: &'a [u32],
}

impl Step<'_> {
    /// Share of a group's members that were not in it.
    fn share_new(&self, group: u8) -> Option<f64> {
        let before = &self.groups.of_slot[self.sections.slots_of(self.earlier)];
        let now = &self.groups.of_slot[self.sections.slots_of(self.bar)];
        if !before.contains(&group) {
            return None;
        }
        let members = self.sections.instruments_of(self.bar).iter().zip(now);
        let members = members.filter(|(_, of)| **of == group);
        mean(members.map(|(&instrument, _)| {
            let stayed = before.get(self.places[instrument as usize] as usize) == Some(&group);
            f64::from(u8::from(!stayed))
        }))
    }

    fn correlation(&self, factor: &Ranked, correlator: &mut Correlator) -> Option<f64> {
        let (now, before) = (factor.section(self.bar), factor.section(self.earlier));
        let instruments = self.sections.instruments_of(self.bar).iter().enumerate();
        let pairs = instruments.filter_map(|(at, &instrument)| {
            let earlier = self.places[instrument as usize];
            let known = !before.values.get(earlier as usize)?.is_nan() && !now.values[at].is_nan();
            known.then_some((at as u32, earlier))
        });
        correlator.spearman(&now, &before, pairs)
    }
}
