use crate::Error;

/// How a matrix lies in memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Layout {
    /// A row's values are neighbours.
    RowMajor,
    /// A column's values are neighbours.
    ColumnMajor,
}

/// A borrowed dense matrix of float32; NaN means missing.
#[derive(Debug, Clone, Copy)]
pub struct Matrix<'a> {
    values: &'a [f32],
    rows: usize,
    columns: usize,
    layout: Layout,
}

impl<'a> Matrix<'a> {
    /// # Errors
    /// When `values` has not `rows × columns` entries, or a side is beyond 32 bits.
    pub fn new(
        values: &'a [f32],
        rows: usize,
        columns: usize,
        layout: Layout,
    ) -> Result<Self, Error> {
        for (what, found) in [("a number of rows", rows), ("a number of columns", columns)] {
            if i32::try_from(found).is_err() {
                return Err(Error::TooLarge { what, found });
            }
        }
        let expected = rows * columns;
        if values.len() != expected {
            return Err(Error::Shape { what: "the matrix", expected, found: values.len() });
        }
        Ok(Self { values, rows, columns, layout })
    }

    /// See [`Matrix::new`].
    pub fn column_major(values: &'a [f32], rows: usize, columns: usize) -> Result<Self, Error> {
        Self::new(values, rows, columns, Layout::ColumnMajor)
    }

    /// See [`Matrix::new`].
    pub fn row_major(values: &'a [f32], rows: usize, columns: usize) -> Result<Self, Error> {
        Self::new(values, rows, columns, Layout::RowMajor)
    }

    pub fn values(&self) -> &'a [f32] {
        self.values
    }

    pub fn rows(&self) -> usize {
        self.rows
    }

    pub fn columns(&self) -> usize {
        self.columns
    }

    pub fn layout(&self) -> Layout {
        self.layout
    }

    /// Rows `from..to` in row-major order, copied into `buffer`.
    pub(crate) fn copy_rows(&self, from: usize, to: usize, buffer: &mut Vec<f32>) {
        buffer.clear();
        match self.layout {
            Layout::RowMajor => {
                buffer.extend_from_slice(&self.values[from * self.columns..to * self.columns]);
            }
            Layout::ColumnMajor => {
                buffer.resize((to - from) * self.columns, 0.0);
                for column in 0..self.columns {
                    let start = column * self.rows;
                    let source = &self.values[start + from..start + to];
                    for (row, value) in source.iter().enumerate() {
                        buffer[row * self.columns + column] = *value;
                    }
                }
            }
        }
    }
}
