use std::ffi::{CStr, c_int, c_void};
use std::ptr;

use lightgbm3_sys as sys;

use super::{FLOAT32, FLOAT64, c_string, check, is_row_major, length, prepare};
use crate::{Error, Matrix};

/// Owns a LightGBM `Dataset`.
pub(crate) struct DatasetHandle(pub(super) sys::DatasetHandle);

// SAFETY: a `Dataset` belongs to no thread.
unsafe impl Send for DatasetHandle {}
// SAFETY: what takes `&self` reads the finished bins only; what writes takes `&mut self`.
unsafe impl Sync for DatasetHandle {}

impl Drop for DatasetHandle {
    fn drop(&mut self) {
        // SAFETY: the handle came from a create function and is freed once, here.
        unsafe { sys::LGBM_DatasetFree(self.0) };
    }
}

impl DatasetHandle {
    pub(crate) fn new(
        matrix: Matrix<'_>,
        parameters: &str,
        reference: Option<&DatasetHandle>,
    ) -> Result<Self, Error> {
        prepare();
        let parameters = c_string("a parameter", parameters)?;
        let rows = length("a number of rows", matrix.rows())?;
        let columns = length("a number of columns", matrix.columns())?;
        let mut handle = ptr::null_mut();
        // SAFETY: a `Matrix` holds exactly rows × columns values; they are copied into bins
        // before the call returns. `reference` is a live data set or null.
        let status = unsafe {
            sys::LGBM_DatasetCreateFromMat(
                matrix.values().as_ptr().cast::<c_void>(),
                FLOAT32,
                rows,
                columns,
                is_row_major(matrix.layout()),
                parameters.as_ptr(),
                reference.map_or(ptr::null_mut(), |reference| reference.0),
                &mut handle,
            )
        };
        check("LGBM_DatasetCreateFromMat", status)?;
        Ok(Self(handle))
    }

    pub(crate) fn set_label(&mut self, label: &[f32]) -> Result<(), Error> {
        self.set_field(c"label", label.as_ptr().cast(), label.len(), FLOAT32)
    }

    pub(crate) fn set_init_score(&mut self, scores: &[f64]) -> Result<(), Error> {
        self.set_field(c"init_score", scores.as_ptr().cast(), scores.len(), FLOAT64)
    }

    fn set_field(
        &mut self,
        name: &CStr,
        values: *const c_void,
        count: usize,
        kind: c_int,
    ) -> Result<(), Error> {
        prepare();
        let count = length("a field", count)?;
        // SAFETY: both callers pass a slice's pointer with its length and element type;
        // LightGBM copies the values.
        let status =
            unsafe { sys::LGBM_DatasetSetField(self.0, name.as_ptr(), values, count, kind) };
        check("LGBM_DatasetSetField", status)
    }

    pub(crate) fn set_feature_names(&mut self, names: &[String]) -> Result<(), Error> {
        prepare();
        let names = names
            .iter()
            .map(|name| c_string("a feature's name", name))
            .collect::<Result<Vec<_>, _>>()?;
        let mut pointers: Vec<_> = names.iter().map(|name| name.as_ptr()).collect();
        let count = length("a number of names", names.len())?;
        // SAFETY: `count` pointers to NUL-terminated strings that live past the call.
        let status =
            unsafe { sys::LGBM_DatasetSetFeatureNames(self.0, pointers.as_mut_ptr(), count) };
        check("LGBM_DatasetSetFeatureNames", status)
    }
}
