//! The contract, tested over raw sockets on all built-in servers: each answers as it must, and all
//! answer alike.

mod alike;
mod answers;
mod bodies;
mod client;
mod coverage;
mod half_closed;
mod http;
mod lifecycle;
mod raw;
mod refusals;
mod request_ids;
mod servers;
mod stream;
mod structure;
mod timeouts;
mod waits;
mod websocket;
mod work;
