//! What comes in by Axum's door: a request's connection, and its body as hyper hands it over.

use std::{error::Error, io, pin::Pin, sync::Arc};

use axum::{
    body::HttpBody,
    extract::FromRequest,
    http::{Request, Response, Version, header},
    response::IntoResponse,
};
use bytes::Bytes;
use contract::{Answer, Route, workloads::websocket::Upgrade};
use http1::BodyError;

use crate::{
    app::App,
    peers::{ConnectionGuard, Peer, State},
    reply::Reply,
};

/// What a handler needs to know of its connection, when it reads the body or goes on with
/// WebSocket.
#[derive(Debug, Clone)]
pub(crate) struct Connected {
    pub(crate) peer: Arc<Peer>,
    /// Held by whoever keeps the connection open.
    _guard: Arc<ConnectionGuard>,
}

/// A request to go on with WebSocket.
#[derive(Debug, Clone)]
pub(crate) struct Handshake {
    pub(crate) connected: Connected,
    /// How, or why not.
    pub(crate) upgrade: Result<Upgrade, Answer>,
}

/// Reads one request's body.
pub(crate) struct BodyReader<B = axum::body::Body> {
    body: B,
    peer: Arc<Peer>,
    max_bytes: u64,
    left: u64,
    /// What a client is told that waits for a word before it sends a body that nobody wants.
    unwanted: Option<Answer>,
}

/// Why a request was not read to its end.
pub(crate) enum Unread {
    /// This is the answer, and the connection closes after it.
    Refused(Answer),
    /// Nobody is there to answer.
    Gone(Gone),
}

/// The client went away, or was too slow, in the middle of a request.
#[derive(Debug, Clone, thiserror::Error)]
#[error("the client is gone")]
pub(crate) struct Gone;

impl Connected {
    /// The connection of `peer`, which is open for as long as somebody holds its `guard`.
    pub(crate) fn new(peer: Arc<Peer>, guard: Arc<ConnectionGuard>) -> Self {
        Self {
            peer,
            _guard: guard,
        }
    }
}

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
            unwanted: None,
        }
    }

    /// The same for a client that is not asked for the body, but told `unwanted` if there is that.
    pub(crate) fn instead_of_asking(mut self, unwanted: Option<Answer>) -> Self {
        self.unwanted = unwanted;
        self
    }

    /// The next bytes; `None` at the end.
    pub(crate) async fn next(&mut self) -> Result<Option<Bytes>, Unread> {
        let too_large = || Unread::Refused(Answer::too_large(self.max_bytes));
        if self.body.size_hint().lower() > self.left {
            return Err(too_large());
        }
        if let Some(answer) = self.unwanted.take() {
            return Err(answer.into());
        }
        let frame = std::future::poll_fn(|cx| Pin::new(&mut self.body).poll_frame(cx)).await;
        let Some(frame) = frame else {
            self.peer.set(State::Answering);
            return Ok(None);
        };
        // A frame without data holds trailers, which nobody wants.
        let frame = frame.map_err(|error| unread(&error, self.max_bytes))?;
        let bytes = frame.into_data().unwrap_or_default();
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

/// What the socket says of a body that it can't make out; anything else it says is the end of the connection.
fn unread(error: &dyn Error, max_bytes: u64) -> Unread {
    let mut cause = error.source();
    while let Some(error) = cause {
        let told = error
            .downcast_ref::<io::Error>()
            .and_then(io::Error::get_ref);
        match told.and_then(|told| told.downcast_ref()) {
            Some(BodyError::TooLarge) => return Answer::too_large(max_bytes).into(),
            Some(BodyError::Malformed(_)) => return Answer::error(400, "malformed body").into(),
            None => cause = error.source(),
        }
    }
    Unread::Gone(Gone)
}

impl IntoResponse for Unread {
    fn into_response(self) -> axum::response::Response {
        match self {
            Self::Refused(answer) => Reply::from(answer.closing()).into_response(),
            Self::Gone(gone) => {
                // No answer at all; whoever gets it closes the connection.
                let mut response = Response::default();
                response.extensions_mut().insert(gone);
                response
            }
        }
    }
}

/// Whether the client waits for a word before it sends the body. Where the body is there already, hyper sees no such
/// wish.
pub(crate) fn waits<B>(request: &Request<B>) -> bool {
    let expected = request.headers().get_all(header::EXPECT).iter().next_back();
    request.version() == Version::HTTP_11
        && expected.is_some_and(|value| value.as_bytes().eq_ignore_ascii_case(b"100-continue"))
}
