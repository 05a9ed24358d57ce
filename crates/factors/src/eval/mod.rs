//! Expressions over a panel: planned once, run instrument by instrument.

mod column;
mod elementwise;
mod frame;
mod plan;
mod series;
#[cfg(test)]
mod tests;

use std::collections::HashSet;

use alphafleet_market::Panel;
use rayon::prelude::*;

pub use frame::FeatureFrame;

use crate::error::FactorError;
use crate::named::NamedExpr;
use plan::Plan;

/// Computes expressions on every listed bar of every instrument, on `threads` threads (0: one a
/// core). Parts that several expressions share are computed once.
///
/// The arithmetic is Qlib 0.9.7's: fields in single precision, element-wise steps in their
/// operands' precision, windows in double precision, results in single precision. The same input
/// gives the same bits for any number of threads. Look-ahead is allowed here: call
/// [`validate_features`](crate::validate_features) first where it must not be.
pub fn compute(
    panel: &Panel,
    exprs: &[NamedExpr],
    threads: usize,
) -> Result<FeatureFrame, FactorError> {
    check_names(exprs)?;
    check_fields(panel, exprs)?;
    let plan = Plan::new(exprs.iter().map(|named| named.expr.root()));
    let last_uses = plan.last_uses();
    let mut frame =
        FeatureFrame::new(panel, exprs.iter().map(|named| named.name.clone()).collect());
    let pool = rayon::ThreadPoolBuilder::new()
        .num_threads(threads)
        .build()
        .map_err(|error| FactorError::Threads { reason: error.to_string() })?;
    let parts = frame.parts();
    pool.install(|| {
        parts.into_par_iter().enumerate().for_each(|(instrument, mut part)| {
            let listed = panel.listed(instrument);
            let field = |name: &str| {
                let series = panel.series(name, instrument).unwrap_or_default();
                series.get(listed.clone()).unwrap_or_default().iter().map(|&v| v as f32).collect()
            };
            series::run(&plan, &last_uses, listed.len(), field, |output, column| {
                part[output].copy_from_slice(&column.singles());
            });
        });
    });
    Ok(frame)
}

fn check_names(exprs: &[NamedExpr]) -> Result<(), FactorError> {
    if exprs.is_empty() {
        return Err(FactorError::Empty);
    }
    let mut seen = HashSet::new();
    match exprs.iter().find(|named| !seen.insert(&named.name)) {
        Some(named) => Err(FactorError::DuplicateName { name: named.name.clone() }),
        None => Ok(()),
    }
}

fn check_fields(panel: &Panel, exprs: &[NamedExpr]) -> Result<(), FactorError> {
    let known: HashSet<&str> = panel.field_names().collect();
    for named in exprs {
        if let Some(field) = named.expr.fields().into_iter().find(|field| !known.contains(field)) {
            return Err(FactorError::UnknownField {
                name: named.name.clone(),
                field: field.to_owned(),
                known: panel.field_names().map(str::to_owned).collect(),
            });
        }
    }
    Ok(())
}
