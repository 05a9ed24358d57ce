use std::ops::Range;

use serde::{Deserialize, Serialize};

use crate::error::FactorError;
use crate::frame::FeatureFrame;

/// The cell of a panel that a matrix row stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Row {
    /// Calendar index.
    pub bar: u32,
    /// Index into the panel's instruments.
    pub instrument: u32,
}

/// What a model is fitted on: features and label of cells, ordered by bar, then instrument.
///
/// Features are column-major: feature `f` of row `r` lies at `f * rows.len() + r`. The raw label
/// is what the label expression gave (for IC and accuracy); `label` is what processors made of it
/// and the model sees. NaN is a missing value in all of them.
#[derive(Debug, Clone, PartialEq, Default)]
pub struct Matrix {
    pub rows: Vec<Row>,
    pub feature_names: Vec<String>,
    pub features: Vec<f32>,
    pub label_raw: Vec<f32>,
    pub label: Vec<f32>,
}

impl Matrix {
    /// Takes the cells of the given bars for which `keep(instrument, bar)` holds. The label is the
    /// column `label` of a frame of the same panel. Qlib keeps suspended bars within the listed
    /// range, so `|_, _| true` gives its rows; an index used as benchmark is not one of them.
    pub fn from_frames(
        features: &FeatureFrame,
        labels: &FeatureFrame,
        label: &str,
        bars: Range<usize>,
        keep: impl Fn(usize, usize) -> bool,
    ) -> Result<Self, FactorError> {
        if !features.same_cells(labels) {
            let (features, label) = (features.rows(), labels.rows());
            return Err(FactorError::FrameMismatch { features, label });
        }
        let column = labels.column_named(label);
        let label = column.ok_or_else(|| FactorError::UnknownLabel { name: label.to_owned() })?;
        let (rows, cells) = rows_by_bar(features, bars, keep);
        let take = |column: &[f32]| cells.iter().map(|&cell| column[cell]).collect::<Vec<f32>>();
        let mut values = Vec::with_capacity(rows.len() * features.names().len());
        for index in 0..features.names().len() {
            let column = features.column(index);
            values.extend(cells.iter().map(|&cell| column[cell]));
        }
        Ok(Self {
            rows,
            feature_names: features.names().to_vec(),
            features: values,
            label_raw: take(label),
            label: take(label),
        })
    }

    pub fn len(&self) -> usize {
        self.rows.len()
    }

    pub fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// One feature, a value a row.
    pub fn feature(&self, index: usize) -> &[f32] {
        &self.features[index * self.len()..(index + 1) * self.len()]
    }

    pub(crate) fn feature_mut(&mut self, index: usize) -> &mut [f32] {
        let rows = self.len();
        &mut self.features[index * rows..(index + 1) * rows]
    }

    /// The row ranges of the bars, ascending: one cross-section each.
    pub fn cross_sections(&self) -> Vec<Range<usize>> {
        let mut start = 0;
        let sections = self.rows.chunk_by(|a, b| a.bar == b.bar).map(|section| {
            let range = start..start + section.len();
            start = range.end;
            range
        });
        sections.collect()
    }

    /// Keeps the rows for which `keep(row number)` holds.
    pub fn retain(&mut self, keep: impl Fn(usize) -> bool) {
        let kept: Vec<usize> = (0..self.len()).filter(|&row| keep(row)).collect();
        if kept.len() == self.len() {
            return;
        }
        let mut values = Vec::with_capacity(kept.len() * self.feature_names.len());
        for index in 0..self.feature_names.len() {
            let column = self.feature(index);
            values.extend(kept.iter().map(|&row| column[row]));
        }
        self.features = values;
        self.label_raw = kept.iter().map(|&row| self.label_raw[row]).collect();
        self.label = kept.iter().map(|&row| self.label[row]).collect();
        self.rows = kept.iter().map(|&row| self.rows[row]).collect();
    }
}

fn rows_by_bar(
    frame: &FeatureFrame,
    bars: Range<usize>,
    keep: impl Fn(usize, usize) -> bool,
) -> (Vec<Row>, Vec<usize>) {
    let (mut rows, mut cells) = (vec![], vec![]);
    for bar in bars {
        for instrument in 0..frame.instruments() {
            if let Some(cell) = frame.cell(instrument, bar).filter(|_| keep(instrument, bar)) {
                rows.push(Row { bar: bar as u32, instrument: instrument as u32 });
                cells.push(cell);
            }
        }
    }
    (rows, cells)
}
