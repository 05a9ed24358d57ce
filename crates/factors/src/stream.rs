//! Factors bar by bar: the same steps as over a whole history, with their state kept in between.

use std::collections::HashMap;

use alphafleet_market::Panel;
use rayon::prelude::*;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::engine::{
    Bars, Cell, Group, LANES, Listed, Program, Sink, blocks, check_fields, check_names, lower,
    pool, together,
};
use crate::error::FactorError;
use crate::frame::FeatureFrame;
use crate::named::{NamedExpr, validate_features};
use crate::periods::Changes;

/// Computes expressions as bars come in, one at a time or many.
///
/// The values are those of [`compute`](crate::compute) over everything seen so far, to the bit.
/// What has been seen cannot be taken back: where history is restated, for instance by a changed
/// adjustment factor, begin anew. Between two calls the state can be stored with
/// [`save`](Self::save).
#[derive(Debug, Clone)]
pub struct FactorStream {
    exprs: Vec<NamedExpr>,
    program: Program,
    state: State,
}

#[derive(Debug, Clone, Default, Serialize, Deserialize)]
struct State {
    /// Names in the order of their first bars.
    instruments: Vec<String>,
    groups: Vec<Group>,
    /// Bars of the calendar so far.
    time: usize,
    newest: Option<chrono::NaiveDateTime>,
}

/// A stored stream.
#[derive(Serialize, Deserialize)]
struct Stored<S> {
    layout: u32,
    exprs: Vec<NamedExpr>,
    state: S,
}

/// Counts changes of what a stored state looks like.
const LAYOUT: u32 = 1;

/// Why a stream cannot go on.
#[derive(Debug, Error)]
pub enum StreamError {
    #[error(transparent)]
    Factor(#[from] FactorError),
    #[error("the bar at {found} is not later than the newest one seen, {newest}: begin anew")]
    NotLater { newest: chrono::NaiveDateTime, found: chrono::NaiveDateTime },
    #[error("the stored state cannot be read: {reason}; compute from the beginning")]
    Unreadable { reason: String },
    #[error("the stored state belongs to other expressions; compute from the beginning")]
    OtherExpressions,
}

impl StreamError {
    /// A stable, machine-readable name of the problem.
    pub fn code(&self) -> &'static str {
        match self {
            Self::Factor(error) => error.code(),
            Self::NotLater { .. } => "bars_not_later",
            Self::Unreadable { .. } => "state_unreadable",
            Self::OtherExpressions => "state_of_other_expressions",
        }
    }
}

impl FactorStream {
    /// A stream that has seen no bar. Expressions that look ahead are refused, and those with `P`
    /// or `PRef`, as announcements are no part of a stream.
    pub fn new(exprs: &[NamedExpr]) -> Result<Self, FactorError> {
        check_names(exprs)?;
        validate_features(exprs)?;
        refuse_announcements(exprs)?;
        // A calendar without end: windows are kept at their full length.
        let program = lower(exprs.iter().map(|named| named.expr.root()), usize::MAX / 4);
        Ok(Self { exprs: exprs.to_vec(), program, state: State::default() })
    }

    /// Takes the bars of a panel, all later than those before, and gives the values on each listed
    /// bar of it. An instrument that was seen before and is not in the panel has missing bars.
    pub fn push<T: Cell>(
        &mut self,
        panel: &Panel,
        threads: usize,
    ) -> Result<FeatureFrame<T>, StreamError> {
        check_fields(panel, &self.exprs)?;
        if let (Some(newest), Some(&found)) = (self.state.newest, panel.calendar().first())
            && found <= newest
        {
            return Err(StreamError::NotLater { newest, found });
        }
        let names = self.exprs.iter().map(|named| named.name.clone()).collect();
        let mut frame = FeatureFrame::new(panel, names);
        let pool = pool(threads)?;
        self.list_new(panel);
        pool.install(|| self.run(panel, &mut frame));
        self.state.time += panel.calendar().len();
        self.state.newest = panel.calendar().last().copied().or(self.state.newest);
        Ok(frame)
    }

    /// Instruments begin with their first bar, in groups of those that begin together.
    fn list_new(&mut self, panel: &Panel) {
        let known: std::collections::HashSet<&str> =
            self.state.instruments.iter().map(String::as_str).collect();
        let fresh: Vec<usize> = (0..panel.instruments().len())
            .filter(|&i| !known.contains(panel.instruments()[i].as_str()))
            .filter(|&i| !panel.listed(i).is_empty())
            .collect();
        for chunk in fresh.chunks(LANES) {
            let first = self.state.instruments.len();
            let mut listed = Listed { starts: [usize::MAX; LANES], ends: [usize::MAX; LANES] };
            for (lane, &place) in chunk.iter().enumerate() {
                listed.starts[lane] = self.state.time + panel.listed(place).start;
                self.state.instruments.push(panel.instruments()[place].clone());
            }
            let instruments = (first..first + chunk.len()).collect();
            let block = crate::engine::BLOCK;
            self.state.groups.push(Group::new(&self.program, instruments, listed, block));
        }
    }

    fn run<T: Cell>(&mut self, panel: &Panel, frame: &mut FeatureFrame<T>) {
        let program = &self.program;
        let place: HashMap<&str, usize> =
            panel.instruments().iter().enumerate().map(|(at, name)| (name.as_str(), at)).collect();
        let places: Vec<usize> = self
            .state
            .instruments
            .iter()
            .map(|name| place.get(name.as_str()).copied().unwrap_or(usize::MAX))
            .collect();
        let fields: Vec<&[f64]> =
            program.fields.iter().map(|name| panel.field(name).unwrap_or_default()).collect();
        let all: Vec<&[f64]> = panel.field_names().filter_map(|name| panel.field(name)).collect();
        let (stride, base) = (panel.calendar().len(), self.state.time);
        // Expressions that read announcements are refused.
        let changes = Changes::default();
        let bars =
            Bars { fields: &fields, all: &all, changes: &changes, places: &places, stride, base };
        let mut parts: Vec<Option<Vec<&mut [T]>>> = frame.parts().into_iter().map(Some).collect();
        let mut sinks: Vec<Sink<'_, T>> = vec![];
        for group in &self.state.groups {
            let mut sink = Sink { wanted: vec![], cells: vec![] };
            for &instrument in &group.instruments {
                let own = parts.get_mut(places[instrument]).and_then(Option::take);
                let range = own.as_ref().map_or(0..0, |_| panel.listed(places[instrument]));
                sink.wanted.push(base + range.start..base + range.end);
                sink.cells.push(own.unwrap_or_default());
            }
            sinks.push(sink);
        }
        let times = base..base + stride;
        if program.is_separate() {
            self.state.groups.par_iter_mut().zip(&mut sinks).for_each(|(group, sink)| {
                for block in blocks(times.clone(), 0) {
                    group.run(program, 0, block, bars, sink);
                    group.keep(program, block.rows);
                }
            });
        } else {
            for block in blocks(times, 0) {
                together(program, block, bars, &mut self.state.groups, &mut sinks);
            }
        }
    }

    /// The state as bytes, for [`restore`](Self::restore).
    pub fn save(&self) -> Result<Vec<u8>, StreamError> {
        let stored = Stored { layout: LAYOUT, exprs: self.exprs.clone(), state: &self.state };
        rmp_serde::to_vec(&stored)
            .map_err(|error| StreamError::Unreadable { reason: error.to_string() })
    }

    /// Goes on where a stream of the same expressions was saved. Trust is needed: the bytes must
    /// come from [`save`](Self::save), unchanged.
    pub fn restore(exprs: &[NamedExpr], bytes: &[u8]) -> Result<Self, StreamError> {
        let stored: Stored<State> = rmp_serde::from_slice(bytes)
            .map_err(|error| StreamError::Unreadable { reason: error.to_string() })?;
        if stored.layout != LAYOUT {
            let reason = format!("its layout is {}, not {LAYOUT}", stored.layout);
            return Err(StreamError::Unreadable { reason });
        }
        if stored.exprs != exprs {
            return Err(StreamError::OtherExpressions);
        }
        Ok(Self { state: stored.state, ..Self::new(exprs)? })
    }
}

fn refuse_announcements(exprs: &[NamedExpr]) -> Result<(), FactorError> {
    let reads = |named: &NamedExpr| {
        let part = named.expr.root().point_in_time()?.to_string();
        Some(FactorError::PointInTimeStream { name: named.name.clone(), part })
    };
    exprs.iter().find_map(reads).map_or(Ok(()), Err)
}
