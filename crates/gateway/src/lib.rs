//! Routes, the WebSocket relay and metrics of the HTTP gateway.
