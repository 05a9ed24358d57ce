//! The job store and the catalogue on PostgreSQL and SQLite.
