//! Ids, jobs and their state machine, users, and the ports that adapters implement.
