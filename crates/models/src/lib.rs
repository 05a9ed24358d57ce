//! Estimators, metrics and training reports.
