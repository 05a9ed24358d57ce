use std::panic::{self, PanicHookInfo};
use std::sync::{Arc, Mutex, PoisonError};

/// Remembers what the last panic said and where.
#[derive(Debug, Clone, Default)]
pub(super) struct LastPanic(Arc<Mutex<Option<String>>>);

impl LastPanic {
    /// Adds itself in front of the present hook.
    pub(super) fn install() -> Self {
        let last = Self::default();
        let (slot, before) = (last.clone(), panic::take_hook());
        panic::set_hook(Box::new(move |info| {
            *slot.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(words(info));
            before(info);
        }));
        last
    }

    pub(super) fn take(&self) -> String {
        let last = self.0.lock().unwrap_or_else(PoisonError::into_inner).take();
        last.unwrap_or_else(|| "no message".to_owned())
    }
}

fn words(info: &PanicHookInfo<'_>) -> String {
    let said = info.payload_as_str().unwrap_or("no message");
    match info.location() {
        Some(at) => format!("{said} ({}:{})", at.file(), at.line()),
        None => said.to_owned(),
    }
}
