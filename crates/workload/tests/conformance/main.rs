//! The contract, tested over raw sockets on all built-in servers: each answers as it must, and all
//! answer alike.

mod answers;
mod bodies;
mod client;
mod http;
mod lifecycle;
mod refusals;
mod servers;
mod stream;
mod timeouts;
mod websocket;
mod work;
