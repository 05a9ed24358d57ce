//! The runtime: supervisor, child pool and its frames, beats, limits, progress.
