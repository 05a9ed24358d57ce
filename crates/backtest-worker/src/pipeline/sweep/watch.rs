use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use super::SweepSink;

/// How often the sink is asked whether to stop.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// Works while another thread asks the sink whether to stop, and sets the flag when it says so.
pub(super) fn watched<T>(sink: &dyn SweepSink, work: impl FnOnce(&AtomicBool) -> T) -> T {
    let (over, cancel) = (AtomicBool::new(false), AtomicBool::new(false));
    thread::scope(|scope| {
        let _over = Over(&over);
        scope.spawn(|| {
            while !over.load(Ordering::Relaxed) {
                if sink.stop().is_some() {
                    cancel.store(true, Ordering::Relaxed);
                }
                thread::sleep(LOOK_EVERY);
            }
        });
        work(&cancel)
    })
}

/// Ends the watch however the work ends.
struct Over<'a>(&'a AtomicBool);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}
