use std::sync::RwLock;

static SINK: RwLock<Option<fn(&str)>> = RwLock::new(None);

/// Where LightGBM's messages go, one call a line, without the line's end. `None`, the initial
/// state, drops them. Nothing is ever written to standard output; a refused call writes one line
/// to standard error, which LightGBM does by itself.
pub fn set_log_sink(sink: Option<fn(&str)>) {
    *SINK.write().unwrap_or_else(std::sync::PoisonError::into_inner) = sink;
}

/// Hands one line on. A sink that panics would unwind into C++: the panic ends here.
pub(crate) fn deliver(line: &str) {
    let sink = *SINK.read().unwrap_or_else(std::sync::PoisonError::into_inner);
    if let Some(sink) = sink {
        // The panic hook has already told about it; there is no caller to tell.
        let _ignored = std::panic::catch_unwind(|| sink(line));
    }
}
