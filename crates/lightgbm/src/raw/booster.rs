use std::ffi::{CStr, c_char, c_int, c_void};
use std::ptr;
use std::sync::Arc;

use lightgbm3_sys as sys;

use super::{DatasetHandle, FLOAT32, c_string, check, is_row_major, length, prepare};
use crate::{Error, Matrix, text};

const RAW_SCORE: c_int = sys::C_API_PREDICT_RAW_SCORE as c_int;
/// Room for one metric's name.
const NAME_BYTES: usize = 128;

/// Owns a LightGBM `Booster` and shares the data sets it points to.
pub(crate) struct BoosterHandle {
    pointer: sys::BoosterHandle,
    /// The training set, then the validation sets; empty for a model read from text.
    data: Vec<Arc<DatasetHandle>>,
}

// SAFETY: a `Booster` belongs to no thread; LightGBM's thread-local parts (last error, log
// callback) are read and set by whichever thread makes the call.
unsafe impl Send for BoosterHandle {}

impl Drop for BoosterHandle {
    fn drop(&mut self) {
        // SAFETY: the handle came from a create function and is freed once, here. The data sets
        // are still alive: fields drop after this.
        unsafe { sys::LGBM_BoosterFree(self.pointer) };
    }
}

impl BoosterHandle {
    pub(crate) fn new(train: Arc<DatasetHandle>, parameters: &str) -> Result<Self, Error> {
        prepare();
        let parameters = c_string("a parameter", parameters)?;
        let mut handle = ptr::null_mut();
        // SAFETY: a NUL-terminated string, and a data set that `data` keeps alive.
        let status = unsafe { sys::LGBM_BoosterCreate(train.0, parameters.as_ptr(), &mut handle) };
        check("LGBM_BoosterCreate", status)?;
        Ok(Self { pointer: handle, data: vec![train] })
    }

    /// Checks the text before LightGBM sees it.
    pub(crate) fn from_text(text: &str) -> Result<Self, Error> {
        prepare();
        text::validate(text)?;
        let text = c_string("a model", text)?;
        let (mut iterations, mut handle) = (0, ptr::null_mut());
        // SAFETY: a NUL-terminated string. LightGBM trusts the sizes and node numbers in it:
        // they were validated above.
        let status = unsafe {
            sys::LGBM_BoosterLoadModelFromString(text.as_ptr(), &mut iterations, &mut handle)
        };
        check("LGBM_BoosterLoadModelFromString", status)?;
        Ok(Self { pointer: handle, data: Vec::new() })
    }

    pub(crate) fn add_valid(&mut self, valid: Arc<DatasetHandle>) -> Result<(), Error> {
        self.training("LGBM_BoosterAddValidData")?;
        // Kept even when the call fails: LightGBM may have taken the pointer already.
        self.data.push(Arc::clone(&valid));
        // SAFETY: both handles are live, and `data` keeps the data set alive.
        check("LGBM_BoosterAddValidData", unsafe {
            sys::LGBM_BoosterAddValidData(self.pointer, valid.0)
        })
    }

    /// Refuses what needs data when there is none: LightGBM would follow a null pointer.
    fn training(&self, call: &'static str) -> Result<(), Error> {
        prepare();
        if self.data.is_empty() {
            let message = "the model was read from text and has no data to train on".to_owned();
            return Err(Error::LightGbm { call, message });
        }
        Ok(())
    }

    fn index(&self, call: &'static str, data: usize) -> Result<c_int, Error> {
        prepare();
        match c_int::try_from(data) {
            Ok(index) if data < self.data.len() => Ok(index),
            _ => Err(Error::LightGbm { call, message: format!("there is no data set {data}") }),
        }
    }

    pub(crate) fn merge(&mut self, other: &BoosterHandle) -> Result<(), Error> {
        prepare();
        // SAFETY: two live handles that differ, since one is borrowed mutably; trees are copied.
        check("LGBM_BoosterMerge", unsafe { sys::LGBM_BoosterMerge(self.pointer, other.pointer) })
    }

    pub(crate) fn reset(&mut self, parameters: &str) -> Result<(), Error> {
        self.training("LGBM_BoosterResetParameter")?;
        let parameters = c_string("a parameter", parameters)?;
        // SAFETY: a live handle and a NUL-terminated string.
        check("LGBM_BoosterResetParameter", unsafe {
            sys::LGBM_BoosterResetParameter(self.pointer, parameters.as_ptr())
        })
    }

    pub(crate) fn update(&mut self) -> Result<bool, Error> {
        self.training("LGBM_BoosterUpdateOneIter")?;
        let mut finished = 0;
        // SAFETY: a live handle whose data sets live.
        let status = unsafe { sys::LGBM_BoosterUpdateOneIter(self.pointer, &mut finished) };
        check("LGBM_BoosterUpdateOneIter", status)?;
        Ok(finished != 0)
    }

    pub(crate) fn rollback(&mut self) -> Result<(), Error> {
        self.training("LGBM_BoosterRollbackOneIter")?;
        // SAFETY: a live handle whose data sets live.
        check("LGBM_BoosterRollbackOneIter", unsafe {
            sys::LGBM_BoosterRollbackOneIter(self.pointer)
        })
    }

    pub(crate) fn current_iteration(&self) -> Result<usize, Error> {
        self.count("LGBM_BoosterGetCurrentIteration", |handle, out| {
            // SAFETY: a live handle and room for one number.
            unsafe { sys::LGBM_BoosterGetCurrentIteration(handle, out) }
        })
    }

    pub(crate) fn features(&self) -> Result<usize, Error> {
        self.count("LGBM_BoosterGetNumFeature", |handle, out| {
            // SAFETY: a live handle and room for one number.
            unsafe { sys::LGBM_BoosterGetNumFeature(handle, out) }
        })
    }

    fn count(
        &self,
        call: &'static str,
        get: impl Fn(sys::BoosterHandle, *mut c_int) -> c_int,
    ) -> Result<usize, Error> {
        prepare();
        let mut out = 0;
        check(call, get(self.pointer, &mut out))?;
        usize::try_from(out)
            .map_err(|_| Error::LightGbm { call, message: format!("gave a count of {out}") })
    }

    fn metrics(&self) -> Result<usize, Error> {
        self.count("LGBM_BoosterGetEvalCounts", |handle, out| {
            // SAFETY: a live handle and room for one number.
            unsafe { sys::LGBM_BoosterGetEvalCounts(handle, out) }
        })
    }

    pub(crate) fn metric_names(&self) -> Result<Vec<String>, Error> {
        let count = self.metrics()?;
        let mut buffers = vec![[0u8; NAME_BYTES]; count];
        let mut pointers: Vec<*mut c_char> =
            buffers.iter_mut().map(|buffer| buffer.as_mut_ptr().cast()).collect();
        let (mut found, mut needed) = (0, 0);
        // SAFETY: `count` pointers to buffers of NAME_BYTES each; LightGBM writes at most that
        // many names and bytes, the last of them NUL.
        let status = unsafe {
            sys::LGBM_BoosterGetEvalNames(
                self.pointer,
                length("a number of metrics", count)?,
                &mut found,
                NAME_BYTES,
                &mut needed,
                pointers.as_mut_ptr(),
            )
        };
        check("LGBM_BoosterGetEvalNames", status)?;
        Ok(buffers
            .iter()
            .map(|buffer| match CStr::from_bytes_until_nul(buffer) {
                Ok(name) => name.to_string_lossy().into_owned(),
                Err(_) => String::from_utf8_lossy(buffer).into_owned(),
            })
            .collect())
    }

    pub(crate) fn eval(&self, data: usize) -> Result<Vec<f64>, Error> {
        let data = self.index("LGBM_BoosterGetEval", data)?;
        let mut values = vec![0.0; self.metrics()?];
        let mut found = 0;
        // SAFETY: room for the number of metrics asked for above.
        let status = unsafe {
            sys::LGBM_BoosterGetEval(self.pointer, data, &mut found, values.as_mut_ptr())
        };
        check("LGBM_BoosterGetEval", status)?;
        Ok(values)
    }

    pub(crate) fn scores(&self, data: usize, scores: &mut Vec<f64>) -> Result<(), Error> {
        let data = self.index("LGBM_BoosterGetPredict", data)?;
        let mut expected = 0;
        // SAFETY: a live handle and room for one number.
        let status = unsafe { sys::LGBM_BoosterGetNumPredict(self.pointer, data, &mut expected) };
        check("LGBM_BoosterGetNumPredict", status)?;
        let expected = usize::try_from(expected).unwrap_or(0);
        scores.clear();
        scores.resize(expected, 0.0);
        let mut found = 0;
        // SAFETY: room for as many numbers as LightGBM has just said.
        let status = unsafe {
            sys::LGBM_BoosterGetPredict(self.pointer, data, &mut found, scores.as_mut_ptr())
        };
        check("LGBM_BoosterGetPredict", status)
    }

    /// Raw scores of the first `rounds` rounds (0: all); the booster must have one class.
    pub(crate) fn predict(
        &self,
        matrix: Matrix<'_>,
        rounds: c_int,
        parameters: &str,
        out: &mut [f64],
    ) -> Result<(), Error> {
        prepare();
        let call = "LGBM_BoosterPredictForMat";
        if out.len() != matrix.rows() {
            let (expected, found) = (matrix.rows(), out.len());
            return Err(Error::Shape { what: "the predictions", expected, found });
        }
        let mut classes = 0;
        // SAFETY: a live handle and room for one number.
        let status = unsafe { sys::LGBM_BoosterGetNumClasses(self.pointer, &mut classes) };
        check("LGBM_BoosterGetNumClasses", status)?;
        if classes != 1 {
            let message = format!("the model has {classes} classes, not one");
            return Err(Error::LightGbm { call, message });
        }
        let parameters = c_string("a parameter", parameters)?;
        let rows = length("a number of rows", matrix.rows())?;
        let columns = length("a number of columns", matrix.columns())?;
        let mut found = 0;
        // SAFETY: a `Matrix` holds rows × columns values, `out` has room for one score a row;
        // LightGBM refuses a number of columns that is not the model's.
        let status = unsafe {
            sys::LGBM_BoosterPredictForMat(
                self.pointer,
                matrix.values().as_ptr().cast::<c_void>(),
                FLOAT32,
                rows,
                columns,
                is_row_major(matrix.layout()),
                RAW_SCORE,
                0,
                rounds,
                parameters.as_ptr(),
                &mut found,
                out.as_mut_ptr(),
            )
        };
        check(call, status)
    }

    pub(crate) fn importance(&self, rounds: c_int, kind: c_int) -> Result<Vec<f64>, Error> {
        let mut values = vec![0.0; self.features()?];
        // SAFETY: room for one number a feature.
        let status = unsafe {
            sys::LGBM_BoosterFeatureImportance(self.pointer, rounds, kind, values.as_mut_ptr())
        };
        check("LGBM_BoosterFeatureImportance", status)?;
        Ok(values)
    }

    pub(crate) fn text(&self, rounds: c_int) -> Result<String, Error> {
        prepare();
        let call = "LGBM_BoosterSaveModelToString";
        let mut buffer = vec![0u8; 1 << 20];
        loop {
            let mut needed = 0;
            let room = i64::try_from(buffer.len()).unwrap_or(i64::MAX);
            // SAFETY: `room` bytes may be written; LightGBM writes only when its text fits.
            let status = unsafe {
                sys::LGBM_BoosterSaveModelToString(
                    self.pointer,
                    0,
                    rounds,
                    sys::C_API_FEATURE_IMPORTANCE_SPLIT as c_int,
                    room,
                    &mut needed,
                    buffer.as_mut_ptr().cast(),
                )
            };
            check(call, status)?;
            let needed = usize::try_from(needed).unwrap_or(0);
            if needed <= buffer.len() {
                // `needed` counts the closing NUL.
                buffer.truncate(needed.saturating_sub(1));
                return String::from_utf8(buffer)
                    .map_err(|error| Error::LightGbm { call, message: error.to_string() });
            }
            buffer.resize(needed, 0);
        }
    }
}
