//! Factors bar by bar: the same steps as over a whole history, with their state kept in between.

mod error;
mod stored;
#[cfg(test)]
mod tests;

use std::collections::{HashMap, HashSet};

use alphafleet_market::Panel;
use chrono::NaiveDateTime;
use rayon::prelude::*;

use crate::engine::{
    BLOCK, Bars, Cell, Group, LANES, Listed, Places, Program, Sink, UNBOUNDED, blocks,
    check_fields, check_names, lower, pool, together,
};
use crate::error::FactorError;
use crate::frame::FeatureFrame;
use crate::named::{NamedExpr, validate_features};
use crate::periods::Changes;
pub use error::StreamError;
pub use stored::compute_keeping;

/// Computes expressions as bars come in, one at a time or many.
///
/// The values are those of [`compute`](crate::compute) over everything seen so far, to the bit.
/// What has been seen cannot be taken back: where history is restated, for instance by a changed
/// adjustment factor, begin anew. Between two calls the state can be stored with
/// [`save`](Self::save). Memory follows the bars seen, not the windows asked for.
#[derive(Debug, Clone)]
pub struct FactorStream {
    exprs: Vec<NamedExpr>,
    /// Lowered for a calendar of `longest` bars.
    program: Program,
    longest: usize,
    seen: Seen,
}

#[derive(Debug, Clone, Default)]
struct Seen {
    /// What the groups call their instruments.
    instruments: Vec<String>,
    groups: Vec<Group>,
    /// Bars of the calendar so far.
    time: usize,
    newest: Option<NaiveDateTime>,
}

/// A part of a panel that a stream is to take.
#[derive(Clone, Copy)]
struct Part<'a> {
    panel: &'a Panel,
    /// The stream's number of the panel's first bar.
    base: usize,
    /// The first bar to take, by the panel's number.
    first: usize,
}

impl FactorStream {
    /// A stream that has seen no bar. Expressions that look ahead are refused, also those that
    /// look back again, see [`is_incremental`], and those with `P` or `PRef`, as announcements
    /// are no part of a stream.
    pub fn new(exprs: &[NamedExpr]) -> Result<Self, FactorError> {
        check_names(exprs)?;
        refuse_announcements(exprs)?;
        check_incremental(exprs)?;
        let program = lowered(exprs, 0);
        Ok(Self { exprs: exprs.to_vec(), program, longest: 0, seen: Seen::default() })
    }

    /// Bars of the calendar seen so far.
    pub fn bars(&self) -> usize {
        self.seen.time
    }

    /// Takes the bars of a panel, all later than those before, and gives the values on each listed
    /// bar of it. An instrument that was seen before and is not in the panel has missing bars.
    pub fn push<T: Cell>(
        &mut self,
        panel: &Panel,
        threads: usize,
    ) -> Result<FeatureFrame<T>, StreamError> {
        if let (Some(newest), Some(&found)) = (self.seen.newest, panel.calendar().first())
            && found <= newest
        {
            return Err(StreamError::NotLater { newest, found });
        }
        self.take(Part { panel, base: self.seen.time, first: 0 }, threads)
    }

    /// Takes the bars that a panel has beyond those seen so far, which are its first ones, and
    /// gives the values on them: the frame's bars are the panel's, from [`bars`](Self::bars) on.
    /// Whether the first ones are still what they were is for the caller to know.
    pub fn advance<T: Cell>(
        &mut self,
        panel: &Panel,
        threads: usize,
    ) -> Result<FeatureFrame<T>, StreamError> {
        stored::check_past(&self.seen, panel)?;
        let known = self.seen.known();
        let early = |&i: &usize| {
            let range = panel.listed(i);
            !range.is_empty() && range.start < self.seen.time
        };
        let fresh = |&i: &usize| !known.contains(panel.instruments()[i].as_str());
        if let Some(at) = (0..panel.instruments().len()).filter(early).find(fresh) {
            return Err(StreamError::BeganBefore { instrument: panel.instruments()[at].clone() });
        }
        self.take(Part { panel, base: 0, first: self.seen.time }, threads)
    }

    fn take<T: Cell>(
        &mut self,
        part: Part<'_>,
        threads: usize,
    ) -> Result<FeatureFrame<T>, StreamError> {
        let Part { panel, base, first } = part;
        check_fields(panel, &self.exprs)?;
        let names = self.exprs.iter().map(|named| named.name.clone()).collect();
        let mut frame = FeatureFrame::since(first, panel, names);
        let pool =
            pool(threads, self.seen.groups.len() + panel.instruments().len().div_ceil(LANES))?;
        self.make_room(base + panel.calendar().len())?;
        self.list_new(panel, base);
        pool.install(|| self.run(part, &mut frame));
        self.seen.time = base + panel.calendar().len();
        self.seen.newest = panel.calendar().last().copied().or(self.seen.newest);
        Ok(frame)
    }

    /// Lets windows and lags reach over so many bars. Doubled each time, so that a bar at a time
    /// costs little.
    fn make_room(&mut self, bars: usize) -> Result<(), StreamError> {
        if bars <= self.longest {
            return Ok(());
        }
        let longest = bars.max(self.longest.saturating_mul(2)).min(UNBOUNDED);
        let program = lowered(&self.exprs, longest);
        let places = Places::find(&program, &self.program, self.longest)
            .ok_or(StreamError::OtherExpressions)?;
        let groups = std::mem::take(&mut self.seen.groups).into_iter();
        let moved = groups.map(|group| group.moved(&self.program, &program, &places));
        self.seen.groups = moved.collect();
        (self.program, self.longest) = (program, longest);
        Ok(())
    }

    /// Instruments begin with their first bar, in groups of those that begin together.
    fn list_new(&mut self, panel: &Panel, base: usize) {
        let known = self.seen.known();
        let mut fresh: Vec<usize> = (0..panel.instruments().len())
            .filter(|&i| !known.contains(panel.instruments()[i].as_str()))
            .filter(|&i| !panel.listed(i).is_empty())
            .collect();
        fresh.sort_by_key(|&i| (panel.listed(i).start, i));
        for chunk in fresh.chunks(LANES) {
            let first = self.seen.instruments.len();
            let mut listed = Listed { starts: [usize::MAX; LANES], ends: [usize::MAX; LANES] };
            for (lane, &place) in chunk.iter().enumerate() {
                listed.starts[lane] = base + panel.listed(place).start;
                self.seen.instruments.push(panel.instruments()[place].clone());
            }
            let instruments = (first..first + chunk.len()).collect();
            self.seen.groups.push(Group::new(&self.program, instruments, listed, BLOCK));
        }
    }

    fn run<T: Cell>(&mut self, part: Part<'_>, frame: &mut FeatureFrame<T>) {
        let program = &self.program;
        let Part { panel, base, first } = part;
        let places = self.seen.places(panel);
        let (fields, all) = fields(program, panel);
        let stride = panel.calendar().len();
        // Expressions that read announcements are refused.
        let changes = Changes::default();
        let bars = Bars {
            fields: &fields,
            all: &all,
            members: panel.members(),
            changes: &changes,
            places: &places,
            stride,
            base,
        };
        let wanted: Vec<_> = (0..frame.instruments()).map(|i| frame.listed(i)).collect();
        let mut parts: Vec<Option<Vec<&mut [T]>>> = frame.parts().into_iter().map(Some).collect();
        let mut sinks: Vec<Sink<'_, T>> = vec![];
        for group in &self.seen.groups {
            let mut sink = Sink { wanted: vec![], cells: vec![] };
            for &instrument in &group.instruments {
                let own = parts.get_mut(places[instrument]).and_then(Option::take);
                let range = own.as_ref().map_or(0..0, |_| wanted[places[instrument]].clone());
                sink.wanted.push(base + range.start..base + range.end);
                sink.cells.push(own.unwrap_or_default());
            }
            sinks.push(sink);
        }
        let times = base + first..base + stride;
        if program.is_separate() {
            self.seen.groups.par_iter_mut().zip(&mut sinks).for_each(|(group, sink)| {
                for block in blocks(times.clone(), 0) {
                    group.run(program, 0, block, bars, sink);
                    group.keep(program, block.rows);
                }
            });
        } else {
            for block in blocks(times, 0) {
                together(program, block, bars, &mut self.seen.groups, &mut sinks);
            }
        }
    }
}

impl Seen {
    /// The instruments that have begun.
    fn known(&self) -> HashSet<&str> {
        let of_group = |group: &'_ Group| group.instruments.clone();
        let places = self.groups.iter().flat_map(of_group);
        places.filter_map(|at| self.instruments.get(at)).map(String::as_str).collect()
    }

    /// For each instrument its place in a panel; `usize::MAX` where it has none.
    fn places(&self, panel: &Panel) -> Vec<usize> {
        let place: HashMap<&str, usize> =
            panel.instruments().iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
        let of = |name: &String| place.get(name.as_str()).copied().unwrap_or(usize::MAX);
        self.instruments.iter().map(of).collect()
    }
}

fn refuse_announcements(exprs: &[NamedExpr]) -> Result<(), FactorError> {
    let reads = |named: &NamedExpr| {
        let part = named.expr.root().point_in_time()?.to_string();
        Some(FactorError::PointInTimeStream { name: named.name.clone(), part })
    };
    exprs.iter().find_map(reads).map_or(Ok(()), Err)
}

/// Whether no bar to come changes a value of an earlier one. That is so unless a series is moved
/// ahead, be it moved back afterwards: `Ref(Ref($close, -3), 3)` ends three bars before its data.
/// Announcements are no bars: `P` and `PRef` are not.
pub fn is_incremental(expr: &NamedExpr) -> bool {
    expr.expr.root().point_in_time().is_none()
        && lowered(std::slice::from_ref(expr), UNBOUNDED).is_incremental()
}

fn check_incremental(exprs: &[NamedExpr]) -> Result<(), FactorError> {
    validate_features(exprs)?;
    match exprs.iter().find(|expr| !is_incremental(expr)) {
        Some(expr) => Err(FactorError::NotIncremental { name: expr.name.clone() }),
        None => Ok(()),
    }
}

fn lowered(exprs: &[NamedExpr], longest: usize) -> Program {
    lower(exprs.iter().map(|named| named.expr.root()), longest)
}

/// The program's fields of a panel, and all of them.
fn fields<'a>(program: &Program, panel: &'a Panel) -> (Vec<&'a [f64]>, Vec<&'a [f64]>) {
    let own = program.fields.iter().map(|name| panel.field(name).unwrap_or_default());
    (own.collect(), panel.field_names().filter_map(|name| panel.field(name)).collect())
}
