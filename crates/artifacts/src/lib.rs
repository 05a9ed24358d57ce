//! Object storage with checksums.
