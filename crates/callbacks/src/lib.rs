//! Announces how jobs ended.
