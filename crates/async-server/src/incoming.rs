//! A request's body as hyper hands it over.

use std::{
    error::Error,
    io::{self, ErrorKind},
    pin::Pin,
    sync::Arc,
};

use axum::{
    body::HttpBody,
    extract::FromRequest,
    http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version, header},
    response::IntoResponse,
};
use bytes::Bytes;
use workload::{Answer, Route};

use crate::{
    app::App,
    framework::Connected,
    peers::{Peer, State},
    reply::Reply,
};

/// Reads one request's body.
pub(crate) struct BodyReader<B = axum::body::Body> {
    body: B,
    peer: Arc<Peer>,
    max_bytes: u64,
    left: u64,
}

/// Why a request was not read to its end.
pub(crate) enum Unread {
    /// This is the answer, and the connection closes after it.
    Refused(Answer),
    /// The same, by a status and nothing else, as hyper does it.
    Bare(StatusCode),
    /// Nobody is there to answer.
    Gone(Gone),
}

/// The client went away, or was too slow, in the middle of a request.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the client is gone")]
pub(crate) struct Gone;

impl From<Answer> for Unread {
    fn from(answer: Answer) -> Self {
        Self::Refused(answer)
    }
}

impl<B> BodyReader<B>
where
    B: HttpBody<Data = Bytes, Error: Error> + Unpin,
{
    /// A reader of a body that may have at most `max_bytes`. The connection counts as reading
    /// until its end.
    pub(crate) fn new(body: B, peer: Arc<Peer>, max_bytes: u64) -> Self {
        if !body.is_end_stream() {
            peer.set(State::Reading);
        }
        Self {
            body,
            peer,
            max_bytes,
            left: max_bytes,
        }
    }

    /// The next bytes; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Unread> {
        let too_large = || Unread::Refused(Answer::too_large(self.max_bytes));
        if self.body.size_hint().lower() > self.left {
            return Err(too_large());
        }
        let frame = std::future::poll_fn(|cx| Pin::new(&mut self.body).poll_frame(cx)).await;
        let Some(frame) = frame else {
            self.peer.set(State::Answering);
            return Ok(None);
        };
        // A frame without data holds trailers, which nobody wants.
        let bytes = frame.map_err(unread)?.into_data().unwrap_or_default();
        let left = self.left.checked_sub(bytes.len() as u64);
        self.left = left.ok_or_else(too_large)?;
        Ok(Some(bytes))
    }

    /// Reads the body to its end for a handler that does not want it, so that the next request
    /// can be read.
    pub(crate) async fn discard(&mut self) -> Result<(), Unread> {
        while self.next().await?.is_some() {}
        Ok(())
    }
}

/// As a handler of Axum's takes it.
impl FromRequest<Arc<App>> for BodyReader {
    type Rejection = Reply;

    async fn from_request(request: axum::extract::Request, app: &Arc<App>) -> Result<Self, Reply> {
        let Some(connected) = request.extensions().get::<Connected>() else {
            return Err(Answer::error(500, "the connection is not known").into());
        };
        let limits = &app.config.limits;
        let max_bytes = match Route::find(request.uri().path()) {
            Some(Route::Upload) => limits.max_upload_bytes,
            _ => limits.max_body_bytes,
        };
        let peer = connected.peer.clone();
        Ok(Self::new(request.into_body(), peer, max_bytes))
    }
}

fn unread(error: impl Error) -> Unread {
    let mut cause = error.source();
    while let Some(error) = cause {
        let kind = error.downcast_ref::<io::Error>().map(io::Error::kind);
        // What hyper says of a chunk it can't make out.
        if let Some(ErrorKind::InvalidInput | ErrorKind::InvalidData) = kind {
            return Unread::Refused(Answer::error(400, "malformed body"));
        }
        cause = error.source();
    }
    Unread::Gone(Gone)
}

impl IntoResponse for Unread {
    fn into_response(self) -> axum::response::Response {
        match self {
            Self::Refused(answer) => Reply::from(answer.closing()).into_response(),
            Self::Bare(status) => {
                let close = [(header::CONNECTION, HeaderValue::from_static("close"))];
                (status, close).into_response()
            }
            Self::Gone(gone) => {
                // No answer at all; whoever gets it closes the connection.
                let mut response = Response::default();
                response.extensions_mut().insert(gone);
                response
            }
        }
    }
}

/// Refuses what hyper would take and we don't.
pub(crate) fn check_head<B>(request: &Request<B>) -> Result<(), Unread> {
    if is_ambiguous(request.version(), request.headers()) {
        return Err(Unread::Bare(StatusCode::BAD_REQUEST));
    }
    Ok(())
}

fn is_ambiguous(version: Version, headers: &HeaderMap) -> bool {
    let hosts = headers.get_all(header::HOST).iter().count();
    let mut encodings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let chunked = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"chunked");
    let encoded_otherwise = encodings.next().is_some_and(|value| !chunked(value));
    version == Version::HTTP_11 && hosts != 1
        || hosts > 1
        || encoded_otherwise
        || encodings.next().is_some()
}
