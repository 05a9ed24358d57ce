//! Publish and subscribe with replay: the in-process bus.
