#![allow(clippy::unwrap_used, clippy::expect_used)]

use alphafleet_market::SyntheticMarket;

use super::*;
use crate::engine::compute;
use crate::named::NamedExpr;

/// Every cell by its definition, row by row.
fn expected(
    frame: &FeatureFrame,
    bars: Range<usize>,
    keep: impl Fn(usize, usize) -> bool,
) -> (Vec<Row>, Vec<Vec<f32>>) {
    let mut rows = Vec::new();
    let mut columns = vec![Vec::new(); frame.names().len()];
    for bar in bars {
        for instrument in (0..frame.instruments()).filter(|&instrument| keep(instrument, bar)) {
            let Some(cell) = frame.cell(instrument, bar) else { continue };
            rows.push(Row { bar: bar as u32, instrument: instrument as u32 });
            for (at, column) in columns.iter_mut().enumerate() {
                column.push(frame.column(at)[cell]);
            }
        }
    }
    (rows, columns)
}

fn bits(values: &[f32]) -> Vec<u32> {
    values.iter().map(|value| value.to_bits()).collect()
}

#[test]
fn rows_are_the_cells_by_bar() {
    let market =
        SyntheticMarket { instruments: 13, bars: 90, late_listings: 0.5, ..Default::default() };
    let panel = market.generate().unwrap();
    let exprs = [("A", "$close"), ("B", "Mean($close, 5)"), ("L", "Ref($close, -2)/$close")];
    let exprs = exprs.map(|(name, source)| NamedExpr::parse(name, source).unwrap());
    let features = compute(&panel, &exprs[..2], 1).unwrap();
    let labels = compute(&panel, &exprs[2..], 1).unwrap();
    type Keep = fn(usize, usize) -> bool;
    let keeps: [Keep; 3] = [|_, _| true, |i, bar| (i * 7 + bar * 3) % 5 > 0, |_, _| false];
    for keep in keeps {
        let ranges = [0..33, 33..34, 40..90, 50..50];
        let laid = Matrix::from_frames(features.clone(), &labels, "L", ranges.clone(), keep, 2);
        for (matrix, bars) in laid.unwrap().iter().zip(ranges) {
            let (rows, columns) = expected(&features, bars.clone(), keep);
            assert_eq!(matrix.rows, rows, "{bars:?}");
            assert_eq!(matrix.features.len(), rows.len() * columns.len());
            for (at, column) in columns.iter().enumerate() {
                assert_eq!(bits(matrix.feature(at)), bits(column), "{bars:?}");
            }
            let (_, label) = expected(&labels, bars, keep);
            assert_eq!(bits(&matrix.label), bits(&label[0]));
            assert_eq!(bits(&matrix.label_raw), bits(&label[0]));
        }
    }
}

#[test]
fn rows_can_be_left_out() {
    let rows: Vec<Row> = (0..7).map(|instrument| Row { bar: 0, instrument }).collect();
    let values: Vec<f32> = (0..21).map(|value| value as f32).collect();
    let whole = Matrix {
        rows: rows.clone(),
        feature_names: ["A", "B", "C"].map(str::to_owned).to_vec(),
        features: values.into(),
        label_raw: vec![0.5; 7],
        label: (0..7).map(|value| value as f32).collect(),
    };
    for kept in [0b000_0000, 0b111_1111, 0b010_0110, 0b100_0001_u32] {
        let keep = |row: usize| kept >> row & 1 == 1;
        let mut matrix = whole.clone();
        matrix.retain(keep);
        let left: Vec<usize> = (0..7).filter(|&row| keep(row)).collect();
        let instruments: Vec<usize> =
            matrix.rows.iter().map(|row| row.instrument as usize).collect();
        assert_eq!(instruments, left);
        for feature in 0..3 {
            let values: Vec<f32> = left.iter().map(|row| (feature * 7 + row) as f32).collect();
            assert_eq!(matrix.feature(feature), values);
        }
        assert_eq!((matrix.label.len(), matrix.label_raw.len()), (left.len(), left.len()));
        assert_eq!(matrix.features.len(), 3 * left.len());
    }
}
