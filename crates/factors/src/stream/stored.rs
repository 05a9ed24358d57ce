//! A stream's state as bytes: little more than a few numbers an instrument and step, because what
//! the bars tell is computed from them again.

use alphafleet_market::Panel;
use chrono::NaiveDateTime;
use serde::{Deserialize, Serialize};

use super::{FactorStream, Seen, StreamError, check_incremental, fields, lowered};
use crate::engine::{Bars, Kept, Memory, check_fields, compute_and_keep};
use crate::frame::FeatureFrame;
use crate::named::NamedExpr;
use crate::periods::Changes;

/// Counts changes of what a stored state looks like or means.
const LAYOUT: u32 = 4;

/// What every layout begins with.
#[derive(Serialize, Deserialize)]
struct Stored<S> {
    layout: u32,
    state: S,
}

#[derive(Serialize, Deserialize)]
struct State {
    /// Canonical texts: names of columns do not matter.
    formulas: Vec<String>,
    /// What the groups call their instruments.
    instruments: Vec<String>,
    groups: Vec<Memory>,
    time: usize,
    newest: Option<NaiveDateTime>,
}

impl FactorStream {
    /// The state as bytes, for [`restore`](Self::restore).
    pub fn save(&self) -> Result<Vec<u8>, StreamError> {
        let kept = Kept::of(&self.exprs, &self.program, self.longest)
            .ok_or(StreamError::OtherExpressions)?;
        let memory = |group| Memory::of(group, &self.program, &kept, self.seen.time);
        written(State {
            formulas: formulas(&self.exprs),
            instruments: self.seen.instruments.clone(),
            groups: self.seen.groups.iter().map(memory).collect(),
            time: self.seen.time,
            newest: self.seen.newest,
        })
    }

    /// Goes on where a stream of the same expressions was saved. `past` begins with the bars it
    /// had seen, unchanged, and may have more. Trust is needed: the bytes must come from
    /// [`save`](Self::save) or [`compute_keeping`], unchanged.
    pub fn restore(exprs: &[NamedExpr], bytes: &[u8], past: &Panel) -> Result<Self, StreamError> {
        let state = read(bytes)?;
        if state.formulas != formulas(exprs) {
            return Err(StreamError::OtherExpressions);
        }
        let mut stream = Self::new(exprs)?;
        check_fields(past, exprs)?;
        stream.longest = past.calendar().len();
        stream.program = lowered(exprs, stream.longest);
        let State { instruments, groups, time, newest, .. } = state;
        stream.seen = Seen { instruments, groups: Vec::new(), time, newest };
        check_past(&stream.seen, past)?;
        stream.recall(&groups, past)?;
        Ok(stream)
    }

    fn recall(&mut self, groups: &[Memory], past: &Panel) -> Result<(), StreamError> {
        let kept = Kept::of(&self.exprs, &self.program, self.longest)
            .ok_or(StreamError::OtherExpressions)?;
        let (time, names) = (self.seen.time, self.seen.instruments.len());
        if !groups.iter().all(|group| group.fits(&kept, time, names)) {
            return Err(unreadable("it contradicts its expressions"));
        }
        let places = self.seen.places(past);
        let (fields, all) = fields(&self.program, past);
        let stride = past.calendar().len();
        let changes = Changes::default();
        let bars = Bars {
            fields: &fields,
            all: &all,
            members: past.members(),
            changes: &changes,
            places: &places,
            stride,
            base: 0,
        };
        let recalled = groups.iter().map(|group| group.recall(&self.program, &kept, bars, time));
        self.seen.groups = recalled.collect();
        Ok(())
    }
}

/// [`compute`](crate::compute), and for each expression the state from which
/// [`FactorStream::restore`] goes on. Refuses what [`FactorStream::new`] does.
pub fn compute_keeping(
    panel: &Panel,
    exprs: &[NamedExpr],
    threads: usize,
) -> Result<(FeatureFrame, Vec<Vec<u8>>), StreamError> {
    check_incremental(exprs)?;
    let (frame, memories) = compute_and_keep(panel, exprs, threads, true)?;
    let state = |(expr, groups)| {
        written(State {
            formulas: formulas(std::slice::from_ref(expr)),
            instruments: panel.instruments().to_vec(),
            groups,
            time: panel.calendar().len(),
            newest: panel.calendar().last().copied(),
        })
    };
    let states = exprs.iter().zip(memories).map(state).collect::<Result<_, _>>()?;
    Ok((frame, states))
}

/// Whether the bars seen can be the panel's first.
pub(super) fn check_past(seen: &Seen, panel: &Panel) -> Result<(), StreamError> {
    let Some(newest) = seen.newest else { return Ok(()) };
    let there = seen.time.checked_sub(1).and_then(|last| panel.calendar().get(last));
    match there {
        Some(&time) if time == newest => Ok(()),
        _ => Err(StreamError::OtherPast { bars: seen.time, newest }),
    }
}

fn formulas(exprs: &[NamedExpr]) -> Vec<String> {
    exprs.iter().map(|named| named.expr.to_string()).collect()
}

fn written(state: State) -> Result<Vec<u8>, StreamError> {
    rmp_serde::to_vec(&Stored { layout: LAYOUT, state })
        .map_err(|error| StreamError::Unwritable { reason: error.to_string() })
}

fn read(bytes: &[u8]) -> Result<State, StreamError> {
    let of_other_layout = |layout| unreadable(&format!("its layout is {layout}, not {LAYOUT}"));
    match rmp_serde::from_slice::<Stored<State>>(bytes) {
        Ok(stored) if stored.layout == LAYOUT => Ok(stored.state),
        Ok(stored) => Err(of_other_layout(stored.layout)),
        Err(error) => match rmp_serde::from_slice::<Stored<serde::de::IgnoredAny>>(bytes) {
            Ok(stored) if stored.layout != LAYOUT => Err(of_other_layout(stored.layout)),
            _ => Err(unreadable(&error.to_string())),
        },
    }
}

fn unreadable(reason: &str) -> StreamError {
    StreamError::Unreadable { reason: reason.to_owned() }
}
