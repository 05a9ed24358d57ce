//! Expressions over a panel: lowered once to a program of steps, run over groups of instruments,
//! block of bars by block.
//!
//! Eight instruments lie side by side in a row, so that one vector instruction does a bar of all
//! of them; a block of rows goes through all steps before the next one comes, so that it stays in
//! cache; groups run in parallel. What a step must know of the past it keeps as state, which makes
//! a whole history, an append of new bars and a single live bar the same computation.

#[cfg(test)]
mod ahead_tests;
mod block;
mod buffer;
mod cross_section;
mod elementwise;
mod group;
mod kernels;
mod lanes;
mod log;
mod lower;
mod memory;
mod part;
mod program;
mod sink;
mod state;
mod step;
#[cfg(test)]
mod tests;
mod transpose;
mod vectorise;

use std::collections::HashSet;
use std::ops::Range;

use alphafleet_market::Panel;
use rayon::prelude::*;

use crate::error::FactorError;
use crate::frame::FeatureFrame;
use crate::named::NamedExpr;
use crate::periods::Changes;
pub(crate) use block::{Bars, Block, Listed};
pub(crate) use group::Group;
pub(crate) use lanes::{LANES, Lane, MISSING, ZEROS, lane};
#[cfg(test)]
pub(crate) use log::ln_single;
pub(crate) use lower::program as lower;
pub(crate) use memory::{Kept, Memory, UNBOUNDED};
pub(crate) use part::Places;
use program::Op;
pub(crate) use program::Program;
pub use sink::Cell;
pub(crate) use sink::Sink;

/// Rows of a block: short enough for the cache, long enough to pay for a step's start.
pub(crate) const BLOCK: usize = 256;

/// Computes expressions on every listed bar of every instrument, on `threads` threads (0: one a
/// core), but on no more than there are groups of eight instruments, nor than 1,024. Parts that several expressions share are computed once.
///
/// The arithmetic is Qlib 0.9.7's: fields in single precision, element-wise steps in their
/// operands' precision, windows in double precision, results in single precision. The same input
/// gives the same bits for any number of threads and beside any other expression. Look-ahead is
/// allowed here: call [`validate_features`](crate::validate_features) first where it must not be.
pub fn compute(
    panel: &Panel,
    exprs: &[NamedExpr],
    threads: usize,
) -> Result<FeatureFrame, FactorError> {
    compute_in(panel, exprs, threads)
}

/// [`compute`] with results in double precision, where a step has them: technical indicators do.
pub fn compute_double(
    panel: &Panel,
    exprs: &[NamedExpr],
    threads: usize,
) -> Result<FeatureFrame<f64>, FactorError> {
    compute_in(panel, exprs, threads)
}

fn compute_in<T: Cell>(
    panel: &Panel,
    exprs: &[NamedExpr],
    threads: usize,
) -> Result<FeatureFrame<T>, FactorError> {
    Ok(compute_and_keep(panel, exprs, threads, false)?.0)
}

/// Computes expressions and, if `keep`, what each of them remembers of the bars; they are
/// incremental then.
pub(crate) fn compute_and_keep<T: Cell>(
    panel: &Panel,
    exprs: &[NamedExpr],
    threads: usize,
    keep: bool,
) -> Result<(FeatureFrame<T>, Vec<Vec<Memory>>), FactorError> {
    check_names(exprs)?;
    check_fields(panel, exprs)?;
    let bars = panel.calendar().len();
    let program = lower::program(exprs.iter().map(|named| named.expr.root()), bars);
    let one = |expr| Kept::of(std::slice::from_ref(expr), &program, bars);
    let kept = if keep { exprs.iter().map(one).collect() } else { None };
    let kept: Vec<Kept> = kept.unwrap_or_default();
    let mut frame =
        FeatureFrame::new(panel, exprs.iter().map(|named| named.name.clone()).collect());
    let groups = panel.instruments().len().div_ceil(LANES);
    let memories = pool(threads, groups)?.install(|| run(panel, &program, &kept, &mut frame));
    Ok((frame, memories))
}

/// Most threads that are started for a computation, however many are asked for.
pub const MOST_THREADS: usize = 1_024;

/// How many threads are started where `threads` are asked for, 0 being one a core: no more than
/// there are pieces of work, nor than [`MOST_THREADS`].
fn threads_for(threads: usize, pieces: usize) -> usize {
    let wanted = match threads {
        0 => std::thread::available_parallelism().map_or(1, usize::from),
        some => some,
    };
    wanted.min(pieces).clamp(1, MOST_THREADS)
}

/// Threads for so many pieces of work.
pub(crate) fn pool(threads: usize, pieces: usize) -> Result<rayon::ThreadPool, FactorError> {
    rayon::ThreadPoolBuilder::new()
        .num_threads(threads_for(threads, pieces))
        .build()
        .map_err(|error| FactorError::Threads { reason: error.to_string() })
}

/// Fills the frame; answers what is to be kept of the groups, for each expression.
fn run<T: Cell>(
    panel: &Panel,
    program: &Program,
    kept: &[Kept],
    frame: &mut FeatureFrame<T>,
) -> Vec<Vec<Memory>> {
    let fields: Vec<&[f64]> =
        program.fields.iter().map(|name| panel.field(name).unwrap_or_default()).collect();
    let all: Vec<&[f64]> = panel.field_names().filter_map(|name| panel.field(name)).collect();
    let places: Vec<usize> = (0..panel.instruments().len()).collect();
    let stride = panel.calendar().len();
    let changes = Changes::of(panel, &program.points_in_time);
    let bars = Bars {
        fields: &fields,
        all: &all,
        members: panel.members(),
        changes: &changes,
        places: &places,
        stride,
        base: 0,
    };
    let groups = grouped(panel, !kept.is_empty());
    let mut sinks = sinks(panel, &groups, frame);
    let memories = |group: &Group| -> Vec<Memory> {
        kept.iter().map(|one| Memory::of(group, program, one, stride)).collect()
    };
    let by_group: Vec<Vec<Memory>> = if program.is_separate() {
        let group = |((instruments, listed), sink): ((Vec<usize>, Listed), &mut Sink<'_, T>)| {
            let first = listed.starts.iter().min().copied().unwrap_or(0);
            let from = if program.has_unlisted() { 0 } else { first };
            let last = sink.wanted.iter().map(|range| range.end).max().unwrap_or(0);
            // Who goes on from here has seen all bars, also those after an instrument's last one.
            let to = if kept.is_empty() { last + program.longest_delay() } else { stride };
            let mut group = Group::new(program, instruments, listed, BLOCK);
            for block in blocks(from..to, from) {
                group.run(program, 0, block, bars, sink);
                group.keep(program, block.rows);
            }
            memories(&group)
        };
        groups.into_par_iter().zip(&mut sinks).map(group).collect()
    } else {
        let mut groups: Vec<Group> = groups
            .into_iter()
            .map(|(instruments, listed)| Group::new(program, instruments, listed, BLOCK))
            .collect();
        let to = if kept.is_empty() { stride + program.longest_delay() } else { stride };
        for block in blocks(0..to, 0) {
            together(program, block, bars, &mut groups, &mut sinks);
        }
        groups.par_iter().map(memories).collect()
    };
    by_expression(by_group, kept.len())
}

fn by_expression(by_group: Vec<Vec<Memory>>, expressions: usize) -> Vec<Vec<Memory>> {
    let mut turned: Vec<Vec<Memory>> = (0..expressions).map(|_| Vec::new()).collect();
    for group in by_group {
        for (own, memory) in turned.iter_mut().zip(group) {
            own.push(memory);
        }
    }
    turned
}

/// A block through all stages, the groups side by side within each.
pub(crate) fn together<T: Cell>(
    program: &Program,
    block: Block,
    bars: Bars<'_>,
    groups: &mut [Group],
    sinks: &mut [Sink<'_, T>],
) {
    for stage in 0..program.stages() {
        groups.par_iter_mut().zip(&mut *sinks).for_each(|(group, sink)| {
            group.run(program, stage, block, bars, sink);
        });
        let crossing =
            |step: &&program::Step| step.stage == stage && matches!(step.op, Op::Cross(_));
        for step in program.steps.iter().filter(crossing) {
            if let Some(span) = block.span(step.delay) {
                cross_section::cross(program, step, span, groups);
            }
            for (group, sink) in groups.iter().zip(&mut *sinks) {
                group.emit(program, step, block, sink);
            }
        }
    }
    groups.par_iter_mut().for_each(|group| group.keep(program, block.rows));
}

pub(crate) fn blocks(times: Range<usize>, origin: usize) -> impl Iterator<Item = Block> {
    let end = times.end;
    times.step_by(BLOCK).map(move |time| Block { time, rows: BLOCK.min(end - time), origin })
}

/// Instruments that begin and end alike go together. Where there are more bars to come, an end is
/// not known; and who has no bar yet has not begun.
fn grouped(panel: &Panel, to_come: bool) -> Vec<(Vec<usize>, Listed)> {
    let mut order: Vec<usize> = (0..panel.instruments().len()).collect();
    order.retain(|&i| !to_come || !panel.listed(i).is_empty());
    order.sort_by_key(|&i| (panel.listed(i).start, panel.listed(i).end, i));
    let group = |instruments: &[usize]| {
        let mut listed = Listed { starts: [usize::MAX; LANES], ends: [0; LANES] };
        for (lane, &instrument) in instruments.iter().enumerate() {
            let range = panel.listed(instrument);
            let end = if to_come { usize::MAX } else { range.end };
            (listed.starts[lane], listed.ends[lane]) = (range.start, end);
        }
        (instruments.to_vec(), listed)
    };
    order.chunks(LANES).map(group).collect()
}

fn sinks<'a, T: Cell>(
    panel: &Panel,
    groups: &[(Vec<usize>, Listed)],
    frame: &'a mut FeatureFrame<T>,
) -> Vec<Sink<'a, T>> {
    let mut parts: Vec<Option<Vec<&mut [T]>>> = frame.parts().into_iter().map(Some).collect();
    let sink = |(instruments, _): &(Vec<usize>, Listed)| Sink {
        wanted: instruments.iter().map(|&i| panel.listed(i)).collect(),
        cells: instruments.iter().map(|&i| parts[i].take().unwrap_or_default()).collect(),
    };
    groups.iter().map(sink).collect()
}

pub(crate) fn check_names(exprs: &[NamedExpr]) -> Result<(), FactorError> {
    if exprs.is_empty() {
        return Err(FactorError::Empty);
    }
    let mut seen = HashSet::new();
    match exprs.iter().find(|named| !seen.insert(&named.name)) {
        Some(named) => Err(FactorError::DuplicateName { name: named.name.clone() }),
        None => Ok(()),
    }
}

pub(crate) fn check_fields(panel: &Panel, exprs: &[NamedExpr]) -> Result<(), FactorError> {
    let known: HashSet<&str> = panel.field_names().collect();
    for named in exprs {
        if let Some(field) = named.expr.fields().into_iter().find(|field| !known.contains(field)) {
            return Err(FactorError::UnknownField {
                name: named.name.clone(),
                field: field.to_owned(),
                known: panel.field_names().map(str::to_owned).collect(),
            });
        }
        check_period_fields(panel, named)?;
    }
    Ok(())
}

fn check_period_fields(panel: &Panel, named: &NamedExpr) -> Result<(), FactorError> {
    let known: Vec<&str> = panel.announcements().field_names().collect();
    let missing = named.expr.period_fields().into_iter().find(|field| !known.contains(field));
    missing.map_or(Ok(()), |field| {
        Err(FactorError::UnknownPeriodField {
            name: named.name.clone(),
            field: field.to_owned(),
            known: known.into_iter().map(str::to_owned).collect(),
        })
    })
}
