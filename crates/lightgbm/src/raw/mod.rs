//! Every call into LightGBM. The types here own LightGBM's objects and give checked functions.
#![allow(unsafe_code)]

use std::cell::{Cell, RefCell};
use std::ffi::{CStr, CString, c_char, c_int};

use lightgbm3_sys as sys;

use crate::{Error, Layout, log};

mod booster;
mod dataset;

pub(crate) use booster::BoosterHandle;
pub(crate) use dataset::DatasetHandle;

const FLOAT32: c_int = sys::C_API_DTYPE_FLOAT32 as c_int;
const FLOAT64: c_int = sys::C_API_DTYPE_FLOAT64 as c_int;

thread_local! {
    static LISTENING: Cell<bool> = const { Cell::new(false) };
    static LINE: RefCell<String> = const { RefCell::new(String::new()) };
}

/// LightGBM gives a line in pieces and its end as a piece of its own.
extern "C" fn listen(piece: *const c_char) {
    if piece.is_null() {
        return;
    }
    // SAFETY: LightGBM passes a NUL-terminated buffer that lives for the time of this call.
    let piece = unsafe { CStr::from_ptr(piece) }.to_string_lossy();
    // A thread that is ending has no line left to fill.
    let _ended = LINE.try_with(|line| {
        let mut line = line.borrow_mut();
        line.push_str(&piece);
        if line.ends_with('\n') {
            let whole = std::mem::take(&mut *line);
            drop(line);
            log::deliver(whole.trim_end());
        }
    });
}

/// LightGBM keeps its log callback for each thread: set it before this thread's first call.
fn prepare() {
    LISTENING.with(|listening| {
        if !listening.replace(true) {
            // SAFETY: `listen` is a static function and never unwinds. The call cannot fail.
            unsafe { sys::LGBM_RegisterLogCallback(Some(listen)) };
        }
    });
}

fn check(call: &'static str, status: c_int) -> Result<(), Error> {
    if status == 0 {
        return Ok(());
    }
    // SAFETY: gives a NUL-terminated buffer of this thread, valid until its next failing call.
    let message = unsafe { CStr::from_ptr(sys::LGBM_GetLastError()) };
    Err(Error::LightGbm { call, message: message.to_string_lossy().into_owned() })
}

fn c_string(what: &'static str, text: &str) -> Result<CString, Error> {
    CString::new(text).map_err(|_| Error::Text { what, text: text.chars().take(80).collect() })
}

fn length(what: &'static str, found: usize) -> Result<c_int, Error> {
    c_int::try_from(found).map_err(|_| Error::TooLarge { what, found })
}

fn is_row_major(layout: Layout) -> c_int {
    c_int::from(layout == Layout::RowMajor)
}
