//! What a handler gives back, and how Axum takes it.

use std::{
    borrow::Cow,
    convert::Infallible,
    pin::Pin,
    task::{Context, Poll},
};

use axum::{
    body::{Body, HttpBody},
    http::{HeaderValue, Response, StatusCode, header},
    response::IntoResponse,
};
use bytes::Bytes;
use contract::Answer;
use hyper::body::Frame;

/// An answer at once, or piece by piece.
pub(crate) enum Reply {
    /// All of it.
    Answer(Answer),
    /// As it comes.
    Stream(Stream),
}

/// A body of unknown length.
pub(crate) struct Stream {
    pub(crate) content_type: &'static str,
    pub(crate) pieces: Box<dyn Pieces>,
}

/// The pieces of a body, in the manner of an iterator that is suspended until there is one.
pub(crate) trait Pieces: Send + 'static {
    /// The next piece; `None` at the end.
    fn poll_next(&mut self, cx: &mut Context<'_>) -> Poll<Option<Vec<u8>>>;
}

impl From<Answer> for Reply {
    fn from(answer: Answer) -> Self {
        Self::Answer(answer)
    }
}

/// An error of a handler is an answer too.
impl<R: Into<Reply>> From<Result<R, Answer>> for Reply {
    fn from(result: Result<R, Answer>) -> Self {
        result.map_or_else(Self::Answer, R::into)
    }
}

impl IntoResponse for Reply {
    fn into_response(self) -> axum::response::Response {
        match self {
            Self::Answer(answer) => whole(answer),
            Self::Stream(stream) => {
                let content_type = HeaderValue::from_static(stream.content_type);
                let mut response = Response::new(Body::new(Streamed(stream.pieces)));
                response
                    .headers_mut()
                    .insert(header::CONTENT_TYPE, content_type);
                response
            }
        }
    }
}

fn whole(answer: Answer) -> axum::response::Response {
    let body = match answer.body {
        Cow::Borrowed(bytes) => Bytes::from_static(bytes),
        Cow::Owned(bytes) => Bytes::from(bytes),
    };
    let mut response = Response::new(Body::from(body));
    *response.status_mut() =
        StatusCode::from_u16(answer.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let headers = response.headers_mut();
    headers.insert(
        header::CONTENT_TYPE,
        HeaderValue::from_static(answer.content_type),
    );
    for (name, value) in answer.fields {
        // Ours are all text.
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(name, value);
        }
    }
    if answer.close {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    response
}

/// Pieces as hyper wants them.
struct Streamed(Box<dyn Pieces>);

impl HttpBody for Streamed {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let next = self.0.poll_next(cx);
        next.map(|piece| {
            let piece = piece?;
            telemetry::trace!(bytes = piece.len(), "piece sent");
            Some(Ok(Frame::data(Bytes::from(piece))))
        })
    }
}
