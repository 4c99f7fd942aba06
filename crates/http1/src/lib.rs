//! HTTP/1.1 as bytes, without sockets: what arrives becomes requests, answers become bytes.
//!
//! Both models of server use this crate, so between a blocked thread and a suspended task only
//! the waiting differs. It follows RFC 9112, and where the RFC leaves a choice between lenient and
//! strict, it is strict: a message that two parsers could read in two ways is refused.
//!
//! # Layout
//!
//! - [`head`]: the head of a request.
//! - [`body`]: how a body is framed, and its bytes out of that frame.
//! - [`buffer`]: bytes read from a peer and not yet consumed.
//! - [`response`]: the head of an answer, and chunks.
//! - [`date`]: the `date` header, written anew once a second.
//! - [`screen`]: one reading of requests for a server that parses with somebody else's code; `plain`: a head
//!   written anew for it.
//! - `target`: what a request is for; `syntax`: which bytes may stand where.

pub mod body;
pub mod buffer;
pub mod date;
pub mod head;
pub mod response;
pub mod screen;

mod plain;
mod syntax;
mod target;

pub use body::{BodyDecoder, BodyError, Framing, Piece};
pub use buffer::ReadBuffer;
pub use date::HttpDate;
pub use head::{Head, HeadError, Method, Version};
pub use response::{Length, ResponseHead};
pub use syntax::text;
