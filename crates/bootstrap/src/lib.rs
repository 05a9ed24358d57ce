//! Configuration, telemetry, start-up and shutdown; the only place that names adapters.
