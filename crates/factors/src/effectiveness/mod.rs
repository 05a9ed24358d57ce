//! How well factors foretell returns: information coefficients, their decay, turnover and the
//! returns of quantiles.
//!
//! Definitions are those of alphalens-reloaded where it has them. What differs: a return is bought
//! one bar after the factor is known (Qlib's deal convention); each horizon takes every pair of
//! factor and return there is, not only instruments that have the returns of all horizons; groups
//! are formed of all instruments with a factor, whether or not their return is known later; equals
//! stay in the group of their mean rank; a spread is not halved.

mod bar_ic;
mod coverage;
mod curves;
mod evaluation;
mod factor;
mod findings;
mod half_life;
mod options;
mod periods;
mod quantiles;
mod report;
mod sections;
mod statistics;
mod subsets;
#[cfg(test)]
mod tests;
mod turnover;

use std::collections::HashSet;

use alphafleet_market::Panel;
use rayon::prelude::*;

use crate::error::FactorError;
use crate::finding::Finding;
use crate::frame::FeatureFrame;
use crate::named::{NamedExpr, validate_features};
use sections::{Ranked, Sections};

pub use evaluation::Evaluation;
pub use options::{
    EffectivenessOptions, MAX_FACTORS, MAX_GROUPS, MAX_HORIZON, MAX_HORIZONS, MAX_QUANTILES,
    MAX_UNIVERSES, Members, NamedUniverse,
};
pub use report::{
    Coverage, Curves, EFFECTIVENESS_SCHEMA_VERSION, EffectivenessReport, FactorEffectiveness,
    ForwardReturn, HalfLife, HorizonEffectiveness, IcSeries, IcStatistics, PeriodIc,
    QuantileReturns, SpreadStatistics, SubsetEffectiveness, SubsetIc, Turnover,
};

/// Judges factors against forward returns of the panel, on `threads` threads (0: one a core).
///
/// Every listed bar of an instrument counts, days of suspension too, as a training takes them.
/// Infinite values count as missing, with a finding. Equal input gives equal figures for any number
/// of threads.
///
/// # Errors
/// [`FactorError::InvalidOption`] names the option; a factor that looks ahead, bears another's
/// name or reads a field the panel lacks is refused by name.
pub fn evaluate(
    panel: &Panel,
    factors: &[NamedExpr],
    options: &EffectivenessOptions,
    threads: usize,
) -> Result<EffectivenessReport, FactorError> {
    let mut evaluation = Evaluation::new(panel, factors, options, threads)?;
    let mut judged = Vec::with_capacity(factors.len());
    while evaluation.left() > 0 {
        judged.extend(evaluation.judge(factors.len())?);
    }
    Ok(evaluation.report(judged))
}

fn check_factors(factors: &[NamedExpr]) -> Result<(), FactorError> {
    if factors.is_empty() {
        return Err(FactorError::Empty);
    }
    if factors.len() > MAX_FACTORS {
        let reason = format!("at most {MAX_FACTORS} are judged at once, not {}", factors.len());
        return options::invalid("factors", reason);
    }
    // Batches are computed apart, so that none of them sees all names.
    let mut seen = HashSet::new();
    if let Some(named) = factors.iter().find(|named| !seen.insert(&named.name)) {
        return Err(FactorError::DuplicateName { name: named.name.clone() });
    }
    validate_features(factors)
}

/// The return over each horizon from the bar after the factor is known.
fn forward_returns(options: &EffectivenessOptions) -> Result<Vec<NamedExpr>, FactorError> {
    let price = &options.price;
    let label = |horizon: &usize| {
        let source = format!("Ref(${price}, -{})/Ref(${price}, -1) - 1", horizon + 1);
        NamedExpr::parse(&format!("return over {horizon} bars"), &source).or_else(|_| {
            options::invalid("price", format!("{price} cannot stand in an expression as ${price}"))
        })
    };
    options.horizons.iter().map(label).collect()
}

fn ranked(sections: &Sections, frame: &FeatureFrame) -> Vec<Ranked> {
    let columns = (0..frame.names().len()).into_par_iter();
    columns.map(|column| Ranked::new(sections, frame.column(column))).collect()
}

fn span(panel: &Panel) -> (chrono::NaiveDateTime, chrono::NaiveDateTime) {
    let calendar = panel.calendar();
    (calendar.first().copied().unwrap_or_default(), calendar.last().copied().unwrap_or_default())
}

fn described(
    labels: &[NamedExpr],
    returns: &[Ranked],
    options: &EffectivenessOptions,
    sections: &Sections,
) -> Vec<ForwardReturn> {
    let described = labels.iter().zip(returns).zip(&options.horizons);
    let present =
        |returns: &Ranked| (0..sections.bars()).map(|bar| returns.section(bar).present()).sum();
    described
        .map(|((label, returns), &horizon)| {
            let present: usize = present(returns);
            let coverage = present as f64 / sections.slots().max(1) as f64;
            ForwardReturn { horizon, expression: label.expr.to_string(), coverage }
        })
        .collect()
}

fn findings_of(labels: &[NamedExpr], returns: &[Ranked]) -> Vec<Finding> {
    let infinite = labels.iter().zip(returns).filter(|(_, returns)| returns.infinite > 0);
    let finding = |(label, returns): (&NamedExpr, &Ranked)| {
        let message = format!(
            "{}: {} values are infinite (a price of 0) and count as missing",
            label.name, returns.infinite
        );
        Finding::new("infinite_returns", message)
    };
    infinite.map(finding).collect()
}
