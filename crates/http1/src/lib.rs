//! HTTP/1.1 as bytes, no sockets: request heads in, answers out, bodies decoded.
