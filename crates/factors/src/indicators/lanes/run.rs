use std::ops::Range;

use super::Abreast;
use super::presence::presence;
use crate::engine::{LANES, Lane};
use crate::indicators::indicator::Indicator;

/// Fewer bars than this are taken one by one: laying windows side by side would cost as much.
const FEWEST: usize = 16;
/// How many bars one that has not warmed up takes before it is asked again.
const WARM_UP: usize = 8;

/// Takes a block of bars of up to eight indicators; `listed` has the bit of each lane's instrument
/// set. An output that is not wanted has no rows.
#[inline(always)]
pub(in crate::indicators) fn run<E: Abreast<IN, OUT>, const IN: usize, const OUT: usize>(
    ones: &mut [&mut E::One],
    listed: u8,
    inputs: [&[Lane]; IN],
    outputs: &mut [&mut [Lane]; OUT],
) {
    let there = presence(inputs, E::One::LEAST_INPUT, listed);
    let mut eight = ones.first().filter(|_| there.len() >= FEWEST).and_then(|one| E::like(one));
    let mut joined = 0;
    let mut bar = 0;
    while bar < there.len() {
        let present = there[bar];
        let alike = there[bar..].iter().position(|bits| *bits != present);
        let mut end = alike.map_or(there.len(), |bars| bar + bars);
        if let Some(mut abreast) = eight.take() {
            joined = change(&mut abreast, ones, joined, present);
            if joined != present {
                end = end.min(bar + WARM_UP);
            }
            if joined != 0 {
                abreast = steps(abreast, bar..end, inputs, outputs);
            }
            eight = Some(abreast);
        }
        for (l, one) in ones.iter_mut().enumerate().filter(|(l, _)| !has(joined, *l)) {
            let one = if has(present, l) { Some(&mut **one) } else { None };
            alone(one, l, bar..end, inputs, outputs);
        }
        bar = end;
    }
    if let Some(mut abreast) = eight {
        change(&mut abreast, ones, joined, 0);
    }
}

#[inline(always)]
fn has(lanes: u8, lane: usize) -> bool {
    lanes >> lane & 1 == 1
}

/// Lets go who is not present and takes in who is, if it can join; answers who is in.
fn change<E: Abreast<IN, OUT>, const IN: usize, const OUT: usize>(
    abreast: &mut E,
    ones: &mut [&mut E::One],
    joined: u8,
    present: u8,
) -> u8 {
    let mut now = joined & present;
    for (l, one) in ones.iter_mut().enumerate().take(LANES) {
        if has(joined, l) && !has(present, l) {
            abreast.leave(l, one);
        } else if has(present, l) && !has(joined, l) && abreast.join(l, one) {
            now |= 1 << l;
        }
    }
    now
}

/// By value, so that the state can stay in registers.
#[inline(always)]
fn steps<E: Abreast<IN, OUT>, const IN: usize, const OUT: usize>(
    mut abreast: E,
    bars: Range<usize>,
    inputs: [&[Lane]; IN],
    outputs: &mut [&mut [Lane]; OUT],
) -> E {
    let inputs = inputs.map(|rows| &rows[..bars.end]);
    for bar in bars {
        let values = abreast.step(inputs.map(|rows| &rows[bar]));
        for (rows, value) in outputs.iter_mut().zip(values) {
            if let Some(row) = rows.get_mut(bar) {
                *row = value;
            }
        }
    }
    abreast
}

/// The bars of one lane, all of them missing where it has no indicator.
#[inline(always)]
fn alone<I: Indicator<IN, OUT>, const IN: usize, const OUT: usize>(
    mut one: Option<&mut I>,
    lane: usize,
    bars: Range<usize>,
    inputs: [&[Lane]; IN],
    outputs: &mut [&mut [Lane]; OUT],
) {
    for bar in bars {
        let values = match &mut one {
            Some(one) => one.step(inputs.map(|rows| rows[bar][lane])),
            None => [f64::NAN; OUT],
        };
        for (rows, value) in outputs.iter_mut().zip(values) {
            if let Some(row) = rows.get_mut(bar) {
                row[lane] = value;
            }
        }
    }
}
