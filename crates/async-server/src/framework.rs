//! One connection of `async`: hyper reads requests and writes answers, Axum routes them. Around
//! both stands what every server of ours does: the same limits, the same refusals.

use std::{
    error::Error,
    io::{self, ErrorKind},
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    Router,
    body::{Body, HttpBody},
    http::{HeaderMap, HeaderValue, Request, Response, StatusCode, Version, header},
    response::IntoResponse,
};
use bytes::Bytes;
use hyper::{
    body::{Frame, Incoming, SizeHint},
    service::{Service, service_fn},
};
use hyper_util::{
    rt::{TokioExecutor, TokioIo},
    server::conn::auto::Builder,
    service::TowerToHyperService,
};
use tokio::net::TcpStream;
use workload::{Answer, Route};

use crate::{
    app::App,
    peers::{Peer, State},
    reply::Reply,
    routes,
    socket::Socket,
};

/// Serves a connection until it closes. Errors end it; there is nobody to tell.
pub(crate) async fn serve(app: Arc<App>, peer: Arc<Peer>, stream: TcpStream, router: Router) {
    if stream.set_nodelay(true).is_err() {
        return;
    }
    let socket = Socket::new(stream, app.clone(), peer.clone());
    let router = TowerToHyperService::new(router);
    let mut builder = Builder::new(TokioExecutor::new()).http1_only();
    builder
        .http1()
        .max_buf_size(app.config.limits.max_head_bytes)
        // It would also close idle connections; the socket keeps both times apart.
        .header_read_timeout(None);
    let service = service_fn(move |request| {
        let busy = Busy::new(peer.clone());
        answer(app.clone(), busy, router.clone(), request)
    });
    let _ = builder
        .serve_connection_with_upgrades(TokioIo::new(socket), service)
        .await;
}

async fn answer(
    app: Arc<App>,
    busy: Busy,
    router: TowerToHyperService<Router>,
    request: Request<Incoming>,
) -> Result<Response<Tracked>, Gone> {
    let mut response = match prepare(&app, &busy, request).await {
        Ok(request) => {
            if let Some(route) = Route::find(request.uri().path()) {
                routes::inject_faults(&app, route).await;
            }
            let Ok(response) = router.call(request).await;
            response
        }
        Err(Unread::Refused(refusal)) => refusal.into_response(),
        Err(Unread::Gone(gone)) => return Err(gone),
    };
    let headers = response.headers_mut();
    if headers
        .get(header::CONNECTION)
        .is_some_and(|value| value == "close")
    {
        busy.0.linger();
    }
    if app.peers.stopping() {
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
    Ok(response.map(|body| Tracked { body, _busy: busy }))
}

/// Reads a body that no handler wants to its end, and refuses what hyper would take and we don't.
async fn prepare(
    app: &App,
    busy: &Busy,
    request: Request<Incoming>,
) -> Result<Request<Body>, Unread> {
    if ambiguous(request.version(), request.headers()) {
        return Err(Unread::Refused(Refusal::Bare(StatusCode::BAD_REQUEST)));
    }
    let (parts, body) = request.into_parts();
    if !body.is_end_stream() {
        busy.0.set(State::Reading);
        discard(body, app.config.limits.max_body_bytes).await?;
        busy.0.set(State::Answering);
    }
    Ok(Request::from_parts(parts, Body::empty()))
}

fn ambiguous(version: Version, headers: &HeaderMap) -> bool {
    let hosts = headers.get_all(header::HOST).iter().count();
    let mut encodings = headers.get_all(header::TRANSFER_ENCODING).iter();
    let chunked = |value: &HeaderValue| value.as_bytes().eq_ignore_ascii_case(b"chunked");
    let encoded_otherwise = encodings.next().is_some_and(|value| !chunked(value));
    version == Version::HTTP_11 && hosts != 1
        || hosts > 1
        || encoded_otherwise
        || encodings.next().is_some()
}

/// Reads a body to its end, so that the next request can be read.
async fn discard(mut body: Incoming, max_bytes: u64) -> Result<(), Unread> {
    let too_large = || Unread::Refused(Refusal::Answer(Answer::too_large(max_bytes)));
    if body.size_hint().lower() > max_bytes {
        return Err(too_large());
    }
    let mut left = max_bytes;
    while let Some(frame) = std::future::poll_fn(|cx| Pin::new(&mut body).poll_frame(cx)).await {
        let frame = frame.map_err(Unread::from)?;
        let count = frame.data_ref().map_or(0, Bytes::len) as u64;
        left = left.checked_sub(count).ok_or_else(too_large)?;
    }
    Ok(())
}

/// Why a request was not read to its end.
enum Unread {
    /// This is the answer, and the connection closes after it.
    Refused(Refusal),
    /// Nobody is there to answer.
    Gone(Gone),
}

/// What a refused request gets.
enum Refusal {
    /// A status and nothing else, as hyper does it.
    Bare(StatusCode),
    Answer(Answer),
}

/// The client went away, or was too slow, in the middle of a request.
#[derive(Debug, thiserror::Error)]
#[error("the client is gone")]
struct Gone;

impl From<hyper::Error> for Unread {
    fn from(error: hyper::Error) -> Self {
        let kind = error
            .source()
            .and_then(|source| source.downcast_ref::<io::Error>());
        match kind.map(io::Error::kind) {
            // What hyper says of a chunk it can't make out.
            Some(ErrorKind::InvalidInput | ErrorKind::InvalidData) => {
                let answer = Answer::error(400, "malformed body").closing();
                Self::Refused(Refusal::Answer(answer))
            }
            _ => Self::Gone(Gone),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> axum::response::Response {
        match self {
            Self::Bare(status) => {
                let close = [(header::CONNECTION, HeaderValue::from_static("close"))];
                (status, close).into_response()
            }
            Self::Answer(answer) => Reply::from(answer).into_response(),
        }
    }
}

/// A request that is being answered, until it is dropped.
struct Busy(Arc<Peer>);

impl Busy {
    fn new(peer: Arc<Peer>) -> Self {
        peer.set(State::Answering);
        Self(peer)
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.0.rest();
    }
}

/// An answer's body that knows when it was taken to its end.
struct Tracked {
    body: Body,
    _busy: Busy,
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        Pin::new(&mut self.body).poll_frame(cx)
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
