//! What a handler gives back.

use contract::{Answer, workloads::websocket::Upgrade};

/// An answer at once, or piece by piece.
pub(crate) enum Reply {
    /// All of it.
    Answer(Answer),
    /// As it comes.
    Stream(Stream),
    /// Messages from now on.
    WebSocket(Upgrade),
}

/// A body of unknown length. Asking for the next piece blocks until there is one.
pub(crate) struct Stream {
    pub(crate) content_type: &'static str,
    pub(crate) pieces: Box<dyn Iterator<Item = Vec<u8>>>,
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}

impl From<Stream> for Reply {
    fn from(stream: Stream) -> Self {
        Self::Stream(stream)
    }
}

/// An error of a handler is an answer too.
impl<R: Into<Reply>> From<Result<R, Answer>> for Reply {
    fn from(result: Result<R, Answer>) -> Self {
        result.map_or_else(Self::Answer, R::into)
    }
}
