//! The whole system under test: what lies in `tests/` starts the real binary and breaks it.
