use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use alphafleet_domain::Queue;
use tokio::time::Instant;

/// When this worker last looked for work without a ticket, and found none: one of its free slots
/// looks for all.
#[derive(Debug, Default)]
pub(crate) struct Looks(Mutex<HashMap<Queue, Instant>>);

impl Looks {
    /// Whether none was in vain within so long a time.
    pub fn is_due(&self, queue: &Queue, patience: Duration) -> bool {
        let looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        looks.get(queue).is_none_or(|last| last.elapsed() >= patience)
    }

    pub fn found_nothing(&self, queue: &Queue) {
        let mut looks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        looks.insert(queue.clone(), Instant::now());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn one_look_serves_all_slots_of_a_queue() {
        let (looks, patience) = (Looks::default(), Duration::from_millis(500));
        let (training, other) = (Queue::training(), Queue::default_queue());
        assert!(looks.is_due(&training, patience));
        looks.found_nothing(&training);
        assert!(!looks.is_due(&training, patience));
        assert!(looks.is_due(&other, patience));
        tokio::time::sleep(patience).await;
        assert!(looks.is_due(&training, patience));
    }
}
