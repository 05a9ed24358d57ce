//! The use cases over the ports: submit, cancel, expire, dispatch, settle, outbox.
