//! The contract, tested over raw sockets on all built-in servers: each answers as it must, and all
//! answer alike.

mod answers;
mod client;
mod http;
mod lifecycle;
mod refusals;
mod servers;
mod stream;
mod timeouts;
mod work;
