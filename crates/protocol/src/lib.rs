//! What travels: tickets, events, WebSocket frames and API bodies.
