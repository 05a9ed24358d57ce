//! Qlib's expression language, Alpha158, processors and segments.
