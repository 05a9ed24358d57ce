//! Operators over the instruments of one bar.

use std::collections::HashMap;

use rayon::prelude::*;

use super::block::Span;
use super::group::Group;
use super::kernels::interpolated;
use super::lanes::LANES;
use super::program::{CrossOp, Op, Program, Step};

/// Runs a cross-sectional step over the rows of a block, for all groups together.
///
/// An instrument takes part in a bar where it has a finite value, a bar of its own and a place in
/// the universe; elsewhere the result is missing.
pub(super) fn cross(program: &Program, step: &Step, span: Span, groups: &mut [Group]) {
    let Op::Cross(op) = step.op else { return };
    let width = groups.len() * LANES;
    let mut table = vec![f64::NAN; span.bars * width];
    let inputs = step.inputs.len() - 1;
    let values: Vec<&[f64]> = groups.iter().map(|g| g.read(program, step, 0, span)).collect();
    let labels: Vec<&[f64]> =
        groups.iter().map(|g| g.read(program, step, inputs - 1, span)).collect();
    let present: Vec<&[f32]> = groups.iter().map(|g| g.presence(program, step, span)).collect();
    table.par_chunks_mut(width).enumerate().for_each(|(row, cells)| {
        let at = |cell: usize| (cell / LANES, row * LANES + cell % LANES);
        for (cell, out) in cells.iter_mut().enumerate() {
            let (group, at) = at(cell);
            let value = values[group][at];
            *out = if present[group][at] == 1.0 && value.is_finite() { value } else { f64::NAN };
        }
        apply(op, cells, |cell| {
            let (group, at) = at(cell);
            labels[group][at]
        });
    });
    groups.par_iter_mut().enumerate().for_each(|(group, own)| {
        let rows = own.written(program, step, span).as_chunks_mut::<LANES>().0;
        for (row, out) in rows.iter_mut().enumerate() {
            let from = row * width + group * LANES;
            out.copy_from_slice(&table[from..from + LANES]);
        }
    });
}

fn apply(op: CrossOp, cells: &mut [f64], group: impl Fn(usize) -> f64) {
    let order = ascending(cells);
    match op {
        CrossOp::Rank => rank(cells, &order),
        CrossOp::ZScore => z_score(cells, &order),
        CrossOp::Scale(sum) => {
            let total: f64 = order.iter().map(|&cell| cells[cell].abs()).sum();
            for cell in cells {
                *cell *= sum.value() / total;
            }
        }
        CrossOp::Winsorize(q) => winsorize(cells, &order, q.value()),
        CrossOp::Neutralize => neutralize(cells, &order, group),
    }
}

/// The cells that take part, by rising value. Sums go this way too: they then do not depend on
/// which instruments happen to share a group.
fn ascending(cells: &[f64]) -> Vec<usize> {
    let mut order: Vec<usize> = (0..cells.len()).filter(|&cell| !cells[cell].is_nan()).collect();
    order.sort_unstable_by(|&a, &b| cells[a].total_cmp(&cells[b]));
    order
}

fn rank(cells: &mut [f64], order: &[usize]) {
    let count = order.len() as f64;
    let mut below = 0;
    while below < order.len() {
        let value = cells[order[below]];
        // Adding 0 makes -0 and 0 equal here as in comparisons.
        let equals =
            order[below..].iter().take_while(|&&cell| cells[cell] + 0.0 == value + 0.0).count();
        for &cell in &order[below..below + equals] {
            cells[cell] = (2 * below + 1 + equals) as f64 / 2.0 / count;
        }
        below += equals;
    }
}

fn z_score(cells: &mut [f64], order: &[usize]) {
    let count = order.len() as f64;
    let mean = order.iter().map(|&cell| cells[cell]).sum::<f64>() / count;
    let squares: f64 = order.iter().map(|&cell| (cells[cell] - mean).powi(2)).sum();
    let varies = match (order.first(), order.last()) {
        (Some(&least), Some(&most)) => cells[least] != cells[most],
        _ => false,
    };
    let deviation = if varies { (squares / (count - 1.0)).sqrt() } else { f64::NAN };
    for cell in cells {
        *cell = (*cell - mean) / deviation;
    }
}

fn winsorize(cells: &mut [f64], order: &[usize], q: f64) {
    let quantile = |q: f64| interpolated(q, order.len() as f64, |place| cells[order[place]]);
    let (low, high) = (quantile(q), quantile(1.0 - q));
    for cell in cells {
        // Not `clamp`: it panics where rounding crosses the bounds or their distance overflows.
        *cell = if *cell < low { low } else { *cell };
        *cell = if *cell > high { high } else { *cell };
    }
}

fn neutralize(cells: &mut [f64], order: &[usize], group: impl Fn(usize) -> f64) {
    let mut groups: HashMap<u64, (f64, f64)> = HashMap::new();
    for &cell in order {
        let (sum, count) = groups.entry((group(cell) + 0.0).to_bits()).or_default();
        *sum += cells[cell];
        *count += 1.0;
    }
    for (cell, value) in cells.iter_mut().enumerate() {
        let label = group(cell);
        *value = match groups.get(&(label + 0.0).to_bits()) {
            Some((sum, count)) if !label.is_nan() => *value - sum / count,
            _ => f64::NAN,
        };
    }
}
