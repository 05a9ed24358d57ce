//! Ticket delivery: the in-process broker.
