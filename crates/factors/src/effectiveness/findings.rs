use super::report::{Coverage, HorizonEffectiveness};
use crate::finding::Finding;
use crate::ic::BarIc;

/// Fewer instruments than this make an IC that is mostly noise.
const FEW_INSTRUMENTS: usize = 5;
/// From this share of the bars on something is worth telling.
const MANY_BARS: f64 = 0.1;
/// A factor without values for more than half of the cells is a factor of another universe.
const LOW_COVERAGE: f64 = 0.5;

/// What a reader of a factor's figures should know. `ic` is of the primary horizon.
pub(super) fn findings(
    bars: usize,
    coverage: &Coverage,
    ic: &[BarIc],
    primary: &HorizonEffectiveness,
) -> Vec<Finding> {
    if coverage.present == 0 {
        return vec![Finding::new("factor_without_values", "no cell has a value".to_owned())];
    }
    let found = [
        infinite(coverage),
        low_coverage(coverage),
        constant(bars, coverage),
        few_instruments(ic),
        empty_groups(primary),
    ];
    found.into_iter().flatten().collect()
}

fn infinite(coverage: &Coverage) -> Option<Finding> {
    let count = coverage.infinite;
    let message = format!("{count} values are infinite and count as missing");
    (count > 0).then(|| Finding::new("infinite_values", message))
}

fn low_coverage(coverage: &Coverage) -> Option<Finding> {
    let share = coverage.present as f64 / coverage.cells as f64;
    let message = format!("{:.1} % of the cells have a value", share * 100.0);
    (share < LOW_COVERAGE).then(|| Finding::new("low_coverage", message))
}

fn constant(bars: usize, coverage: &Coverage) -> Option<Finding> {
    let count = coverage.bars_constant;
    let message = format!("the factor has one value for all instruments on {count} of {bars} bars");
    let many = count as f64 >= MANY_BARS * (bars - coverage.bars_without) as f64;
    (count > 0 && many).then(|| Finding::new("constant_factor", message))
}

fn few_instruments(ic: &[BarIc]) -> Option<Finding> {
    let few = ic.iter().filter(|bar| bar.instruments < FEW_INSTRUMENTS).count();
    let message = format!(
        "{few} of {} bars have fewer than {FEW_INSTRUMENTS} instruments with both values",
        ic.len()
    );
    let many = few as f64 >= MANY_BARS * ic.len() as f64;
    (few > 0 && many).then(|| Finding::new("few_instruments", message))
}

fn empty_groups(primary: &HorizonEffectiveness) -> Option<Finding> {
    let means = &primary.quantiles.mean;
    let empty = means.iter().filter(|mean| mean.is_none()).count();
    let message = format!(
        "{empty} of {} quantiles never have a member with a return: too few instruments, or too \
         many equal values",
        means.len()
    );
    (empty > 0).then(|| Finding::new("empty_quantiles", message))
}
