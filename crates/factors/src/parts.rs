use std::ops::Range;

use alphafleet_market::Panel;

use crate::engine::LANES;

/// Bytes that the computed columns of a part take at most, unless it is of the fewest instruments.
const PART_BYTES: usize = 64 << 20;

/// Cuts a panel's instruments into parts, in their order, of which `columns` expressions can be
/// computed one after the other: in single precision a part's columns take 64 MiB, or those of
/// eight instruments where these take more, however large the panel is.
///
/// Expressions that compare the instruments of a bar
/// ([`is_cross_sectional`](crate::Expr::is_cross_sectional)) want all of them at once. All others
/// have the values, to the bit, that they have over the whole panel, if a part keeps its calendar,
/// as [`Panel::instruments_in`] does.
pub fn instrument_parts(panel: &Panel, columns: usize) -> Vec<Range<usize>> {
    let all = panel.instruments().len();
    let bytes = |range: Range<usize>| {
        let bars: usize = range.map(|instrument| panel.listed(instrument).len()).sum();
        bars.saturating_mul(columns).saturating_mul(size_of::<f32>())
    };
    let mut parts: Vec<Range<usize>> = Vec::new();
    let mut room = 0;
    // They are computed eight at a time.
    for first in (0..all).step_by(LANES) {
        let end = all.min(first + LANES);
        let bytes = bytes(first..end);
        match parts.last_mut().filter(|_| bytes <= room) {
            Some(part) => {
                part.end = end;
                room -= bytes;
            }
            None => {
                parts.push(first..end);
                room = PART_BYTES.saturating_sub(bytes);
            }
        }
    }
    parts
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used)]
    use alphafleet_market::SyntheticMarket;

    use super::*;
    use crate::{FeatureFrame, NamedExpr, alpha158, compute};

    #[test]
    fn parts_are_of_bounded_size_and_have_the_values_of_the_whole() {
        let market = SyntheticMarket {
            instruments: 44,
            bars: 150,
            late_listings: 0.5,
            ..SyntheticMarket::default()
        };
        let panel = market.generate().unwrap();
        assert_eq!(instrument_parts(&panel, 158), std::slice::from_ref(&(0..44)));
        // So many columns that eight instruments fill a part, and sixteen overfill it.
        let columns = PART_BYTES / (10 * 150 * size_of::<f32>());
        let parts = instrument_parts(&panel, columns);
        assert_eq!(parts.first().unwrap().len(), 8);
        assert_eq!(parts.last().unwrap().end, 44);
        assert!(parts.windows(2).all(|pair| pair[0].end == pair[1].start));
        assert_eq!(instrument_parts(&panel, usize::MAX).len(), 6);

        let exprs: Vec<NamedExpr> = alpha158().unwrap().into_iter().step_by(7).collect();
        let whole = compute(&panel, &exprs, 1).unwrap();
        let bits = |frame: &FeatureFrame, column: usize, cells: Range<usize>| {
            frame.column(column)[cells].iter().map(|value| value.to_bits()).collect::<Vec<u32>>()
        };
        for part in parts {
            let frame = compute(&panel.instruments_in(part.clone()), &exprs, 1).unwrap();
            let cells = whole.cells(part.start).start..whole.cells(part.end - 1).end;
            for (column, NamedExpr { name, .. }) in exprs.iter().enumerate() {
                let own = bits(&frame, column, 0..frame.rows());
                assert_eq!(own, bits(&whole, column, cells.clone()), "{name}");
            }
        }
    }
}
