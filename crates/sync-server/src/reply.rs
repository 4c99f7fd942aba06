//! What a handler gives back.

use http1::{Length, ResponseHead, Version};
use workload::{Answer, workloads::websocket::Upgrade};

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

/// The head of `answer`, as HTTP code of our own writes it.
pub(crate) fn head_of(answer: &Answer, version: Version, keep_alive: bool) -> ResponseHead<'_> {
    ResponseHead {
        version,
        status: answer.status,
        content_type: Some(answer.content_type),
        fields: &answer.fields,
        length: Length::Known(answer.body.len() as u64),
        keep_alive,
    }
}

/// The head of the answer to what is no request: a status, nothing else, as hyper has it.
pub(crate) fn refusal(status: u16) -> ResponseHead<'static> {
    ResponseHead {
        version: Version::Http11,
        status,
        content_type: None,
        fields: &[],
        length: Length::Known(0),
        keep_alive: false,
    }
}
