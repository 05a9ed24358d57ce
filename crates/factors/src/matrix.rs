mod layout;
#[cfg(test)]
mod tests;

use std::ops::Range;

use rayon::prelude::*;
use serde::{Deserialize, Serialize};

use crate::cells::Cells;
use crate::engine::pool;
use crate::error::FactorError;
use crate::frame::FeatureFrame;
use layout::Layout;

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
    pub features: Cells<f32>,
    pub label_raw: Vec<f32>,
    pub label: Vec<f32>,
}

impl Matrix {
    /// Takes the cells of ranges of bars for which `keep(instrument, bar)` holds, a matrix a range.
    /// The label is the column `label` of a frame of the same panel. Qlib keeps suspended bars
    /// within the listed range, so `|_, _| true` gives its rows; an index used as benchmark is not
    /// one of them.
    ///
    /// Columns are laid out on `threads` threads (0: one a core) and each is dropped once it is, so
    /// that the values are never held twice.
    pub fn from_frames<const N: usize>(
        features: FeatureFrame,
        labels: &FeatureFrame,
        label: &str,
        ranges: [Range<usize>; N],
        keep: impl Fn(usize, usize) -> bool,
        threads: usize,
    ) -> Result<[Self; N], FactorError> {
        if !features.same_cells(labels) {
            let (features, label) = (features.rows(), labels.rows());
            return Err(FactorError::FrameMismatch { features, label });
        }
        let column = labels.column_named(label);
        let label = column.ok_or_else(|| FactorError::UnknownLabel { name: label.to_owned() })?;
        let layouts = ranges.map(|bars| Layout::of(&features, bars, &keep));
        let mut matrices = layouts.each_ref().map(|layout| {
            let mut labels = vec![0.0; layout.rows.len()];
            layout.take(label, &mut labels);
            Self {
                rows: layout.rows.clone(),
                feature_names: features.names().to_vec(),
                features: Cells::zeroed(layout.rows.len() * features.names().len()),
                label_raw: labels.clone(),
                label: labels,
            }
        });
        let mut columns: Vec<_> =
            features.into_columns().map(|column| (column, Vec::with_capacity(N))).collect();
        for (matrix, layout) in matrices.iter_mut().zip(&layouts) {
            let parts = matrix.features.chunks_exact_mut(layout.rows.len().max(1));
            for (column, part) in columns.iter_mut().zip(parts) {
                column.1.push((part, layout));
            }
        }
        pool(threads, columns.len())?.install(|| {
            columns.into_par_iter().for_each(|(column, parts)| {
                parts.into_iter().for_each(|(part, layout)| layout.take(&column, part));
            });
        });
        Ok(matrices)
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
        // In place: a copy would hold the values twice. Nothing moves up.
        let (rows, columns) = (self.len(), self.feature_names.len());
        let mut to = 0;
        for column in 0..columns {
            for run in kept.chunk_by(|a, b| a + 1 == *b) {
                let from = column * rows + run[0];
                self.features.copy_within(from..from + run.len(), to);
                to += run.len();
            }
        }
        self.features.truncate(to);
        self.label_raw = kept.iter().map(|&row| self.label_raw[row]).collect();
        self.label = kept.iter().map(|&row| self.label[row]).collect();
        self.rows = kept.iter().map(|&row| self.rows[row]).collect();
    }
}
