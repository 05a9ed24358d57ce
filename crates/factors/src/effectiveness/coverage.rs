use super::report::Coverage;
use super::sections::{Ranked, Sections};
use super::statistics::mean;

/// Each bar's share of listed instruments with a value; NaN for a bar without any instrument.
pub(super) fn shares(sections: &Sections, column: &Ranked) -> Vec<f64> {
    let share = |bar| {
        let section = column.section(bar);
        section.present() as f64 / section.values.len() as f64
    };
    (0..sections.bars()).map(share).collect()
}

pub(super) fn coverage(sections: &Sections, column: &Ranked, shares: &[f64]) -> Coverage {
    let known = || shares.iter().copied().filter(|share| !share.is_nan());
    let bars = || (0..sections.bars()).map(|bar| column.section(bar));
    Coverage {
        cells: sections.slots(),
        present: bars().map(|bar| bar.present()).sum(),
        infinite: column.infinite,
        mean: mean(known()),
        least: known().reduce(f64::min),
        bars_without: bars().filter(|bar| bar.present() == 0).count(),
        bars_constant: bars().filter(|bar| bar.is_constant()).count(),
    }
}
