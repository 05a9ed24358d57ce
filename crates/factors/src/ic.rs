use serde::{Deserialize, Serialize};

use crate::correlation::{pearson, spearman};

/// Correlation of scores with outcomes within one bar.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct BarIc {
    /// The bar's number, as given.
    pub bar: u32,
    /// Pearson's correlation.
    pub ic: f64,
    /// Spearman's: Pearson's of the ranks, equals sharing their mean rank.
    pub rank_ic: f64,
    /// Instruments that had both values.
    pub instruments: usize,
}

/// Information coefficients over time; `None` where too few bars have one.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
pub struct IcSummary {
    /// Mean of the bars' IC.
    pub ic: Option<f64>,
    /// Mean over standard deviation (one degree of freedom), not annualised.
    pub icir: Option<f64>,
    pub rank_ic: Option<f64>,
    pub rank_icir: Option<f64>,
    /// Bars that count.
    pub bars: usize,
}

/// IC and rank IC of every bar, after pandas' `corr`: pairs with a missing value do not count.
///
/// `bars` names the bar of each row; equal bars must lie side by side. A bar with fewer than two
/// pairs, or in which all scores or all outcomes are equal, has no correlation and is skipped.
pub fn ic_series(bars: &[u32], scores: &[f32], outcomes: &[f32]) -> Vec<BarIc> {
    let mut start = 0;
    let mut series = vec![];
    for section in bars.chunk_by(|a, b| a == b) {
        let rows = start..start + section.len();
        start = rows.end;
        series.extend(section_ic(section[0], &scores[rows.clone()], &outcomes[rows]));
    }
    series
}

/// IC and rank IC of one bar, of the pairs that are complete.
pub(crate) fn section_ic(bar: u32, scores: &[f32], outcomes: &[f32]) -> Option<BarIc> {
    let pairs = scores.iter().zip(outcomes);
    let pairs = pairs.filter(|(score, outcome)| !score.is_nan() && !outcome.is_nan());
    let (x, y): (Vec<f32>, Vec<f32>) = pairs.unzip();
    let ic = pearson(&doubles(&x), &doubles(&y))?;
    let rank_ic = spearman(&x, &y)?;
    Some(BarIc { bar, ic, rank_ic, instruments: x.len() })
}

fn doubles(values: &[f32]) -> Vec<f64> {
    values.iter().copied().map(f64::from).collect()
}

/// Means and information ratios of a series of IC.
pub fn summarise_ic(series: &[BarIc]) -> IcSummary {
    let (ic, icir) = mean_and_ratio(&series.iter().map(|bar| bar.ic).collect::<Vec<_>>());
    let (rank_ic, rank_icir) =
        mean_and_ratio(&series.iter().map(|bar| bar.rank_ic).collect::<Vec<_>>());
    IcSummary { ic, icir, rank_ic, rank_icir, bars: series.len() }
}

fn mean_and_ratio(values: &[f64]) -> (Option<f64>, Option<f64>) {
    if values.is_empty() {
        return (None, None);
    }
    let count = values.len() as f64;
    let mean = values.iter().sum::<f64>() / count;
    let squares: f64 = values.iter().map(|value| (value - mean).powi(2)).sum();
    let deviation = (squares / (count - 1.0)).sqrt();
    let ratio = mean / deviation;
    (Some(mean), (values.len() > 1 && deviation > 0.0).then_some(ratio))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]

    use super::*;

    #[test]
    fn correlations_are_those_of_pandas() {
        let scores = [0.1, 0.4, 0.4, f32::NAN, -2.0, 1.0, 2.0];
        let outcomes = [1.0, 3.0, 2.0, 9.0, 0.5, 5.0, 5.0];
        let series = ic_series(&[3, 3, 3, 3, 3, 7, 7], &scores, &outcomes);
        // pandas 2.3.3: Series.corr, pearson and spearman; bar 7 has equal outcomes.
        assert_eq!(series.len(), 1);
        assert_eq!((series[0].bar, series[0].instruments), (3, 4));
        assert!((series[0].ic - 0.749269758672).abs() < 1e-7, "{}", series[0].ic);
        assert!((series[0].rank_ic - 0.948683298050514).abs() < 1e-12, "{}", series[0].rank_ic);
    }

    #[test]
    fn bars_without_a_correlation_are_skipped() {
        let series = ic_series(&[0, 1, 1, 2, 2], &[1.0, 1.0, 1.0, 1.0, 2.0], &[1.0; 5]);
        assert_eq!(series, []);
        let summary = summarise_ic(&series);
        assert_eq!(summary, IcSummary::default());
    }

    #[test]
    fn the_summary_is_mean_and_ratio() {
        let bar = |ic: f64| BarIc { bar: 0, ic, rank_ic: -ic, instruments: 2 };
        let summary = summarise_ic(&[bar(0.1), bar(0.2), bar(0.6)]);
        assert!((summary.ic.unwrap() - 0.3).abs() < 1e-12);
        // std(ddof=1) of 0.1, 0.2, 0.6 is 0.2645751
        assert!((summary.icir.unwrap() - 0.3 / 0.264_575_131).abs() < 1e-8);
        assert!((summary.rank_icir.unwrap() + 0.3 / 0.264_575_131).abs() < 1e-8);
        assert_eq!(summarise_ic(&[bar(0.1)]).icir, None);
    }
}
