use std::ops::Range;

use super::Row;
use crate::frame::FeatureFrame;

/// Bars that are laid out side by side: as many values of a series as a line of the cache has.
const BARS: usize = 16;

/// Cells that follow each other in a column: some bars of an instrument, within a tile.
struct Run {
    cell: usize,
    /// From the tile's first bar on.
    bar: usize,
    bars: usize,
}

/// The bars of a matrix that are laid out side by side.
struct Tile {
    /// The first row of each bar; none of the bars beyond the last one.
    rows: [usize; BARS],
    runs: Range<usize>,
}

/// Where the rows of a matrix come from.
///
/// A column has one instrument after the other, a matrix one bar after the other. In either order
/// each value would be read or written in a line of the cache of its own; so a few bars of all
/// instruments are done at a time.
pub(super) struct Layout {
    /// By bar, then instrument.
    pub(super) rows: Vec<Row>,
    tiles: Vec<Tile>,
    runs: Vec<Run>,
}

impl Layout {
    /// The cells of a range of bars for which `keep(instrument, bar)` holds.
    pub(super) fn of(
        frame: &FeatureFrame,
        bars: Range<usize>,
        keep: &impl Fn(usize, usize) -> bool,
    ) -> Self {
        let mut layout = Self { rows: Vec::new(), tiles: Vec::new(), runs: Vec::new() };
        let end = bars.end;
        for first in bars.step_by(BARS) {
            layout.tile(frame, first..end.min(first + BARS), keep);
        }
        layout
    }

    fn tile(
        &mut self,
        frame: &FeatureFrame,
        bars: Range<usize>,
        keep: &impl Fn(usize, usize) -> bool,
    ) {
        let mut instruments: [Vec<u32>; BARS] = Default::default();
        let runs = self.runs.len();
        for instrument in 0..frame.instruments() {
            let listed = frame.listed(instrument);
            let within = bars.start.max(listed.start)..bars.end.min(listed.end);
            let mut open = false;
            for bar in within {
                let kept = keep(instrument, bar);
                if kept {
                    let at = bar - bars.start;
                    instruments[at].push(instrument as u32);
                    match self.runs.last_mut().filter(|_| open) {
                        Some(run) => run.bars += 1,
                        None => {
                            let cell = frame.cells(instrument).start + bar - listed.start;
                            self.runs.push(Run { cell, bar: at, bars: 1 });
                        }
                    }
                }
                open = kept;
            }
        }
        let mut rows = [usize::MAX; BARS];
        for ((first, own), bar) in rows.iter_mut().zip(&instruments).zip(bars) {
            *first = self.rows.len();
            let row = |&instrument| Row { bar: bar as u32, instrument };
            self.rows.extend(own.iter().map(row));
        }
        self.tiles.push(Tile { rows, runs: runs..self.runs.len() });
    }

    /// Copies a column to the rows, of which `part` has one value each.
    pub(super) fn take(&self, column: &[f32], part: &mut [f32]) {
        let most = self.tiles.iter().map(|tile| tile.runs.len()).max().unwrap_or(0);
        let mut block = vec![[0.0; BARS]; most];
        for tile in &self.tiles {
            let runs = &self.runs[tile.runs.clone()];
            // First read, so that many lines are on their way from memory at a time; then turned.
            for (own, run) in block.iter_mut().zip(runs) {
                let values = &column[run.cell..run.cell + run.bars];
                match <&[f32; BARS]>::try_from(values) {
                    Ok(values) => *own = *values,
                    Err(_) => own[run.bar..run.bar + run.bars].copy_from_slice(values),
                }
            }
            let whole = runs.iter().all(|run| run.bars == BARS);
            for (bar, &first) in tile.rows.iter().enumerate() {
                let to = part.get_mut(first..).unwrap_or_default().iter_mut();
                if whole {
                    to.zip(&block[..runs.len()]).for_each(|(value, own)| *value = own[bar]);
                } else {
                    let own = block.iter().zip(runs).filter(|(_, run)| run.has(bar));
                    to.zip(own).for_each(|(value, (own, _))| *value = own[bar]);
                }
            }
        }
    }
}

impl Run {
    fn has(&self, bar: usize) -> bool {
        (self.bar..self.bar + self.bars).contains(&bar)
    }
}
