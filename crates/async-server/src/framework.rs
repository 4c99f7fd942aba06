//! One connection of `async`: hyper reads requests and writes answers, Axum routes them. Around
//! both stands what every server of ours does: the same limits, the same refusals.

use std::{
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
};

use axum::{
    Router,
    body::{Body, HttpBody},
    http::{HeaderValue, Request, Response, header},
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
use telemetry::{Instrument, RequestSpan};
use tokio::net::TcpStream;
use workload::Route;

use crate::{
    app::App,
    incoming::{BodyReader, Gone, Unread, check_head},
    peers::{Peer, Seat, State},
    routes,
    socket::Socket,
    trace,
};

/// What a handler needs to know of its connection, when it reads the body or goes on with
/// WebSocket.
#[derive(Debug, Clone)]
pub(crate) struct Connected {
    pub(crate) peer: Arc<Peer>,
    /// Held by whoever keeps the connection open.
    _seat: Arc<Seat>,
}

/// Serves a connection until it closes. Errors end it; there is nobody to tell.
pub(crate) async fn serve(
    app: Arc<App>,
    peer: Arc<Peer>,
    seat: Seat,
    stream: TcpStream,
    router: Router,
) {
    if stream.set_nodelay(!app.config.nagle).is_err() {
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
    let seat = Arc::new(seat);
    let service = service_fn(move |request| {
        let connected = Connected {
            peer: peer.clone(),
            _seat: seat.clone(),
        };
        let busy = Busy::new(peer.clone());
        let span = trace::begin_in_framework(&app, &request);
        let within = trace::span(span.as_deref());
        let answer = answer(app.clone(), connected, busy, router.clone(), request, span);
        answer.instrument(within)
    });
    telemetry::debug!("connection opened");
    let _ = builder
        .serve_connection_with_upgrades(TokioIo::new(socket), service)
        .await;
    telemetry::debug!("connection closed");
}

async fn answer(
    app: Arc<App>,
    connected: Connected,
    busy: Busy,
    router: TowerToHyperService<Router>,
    request: Request<Incoming>,
    span: Option<Box<RequestSpan>>,
) -> Result<Response<Tracked>, Gone> {
    let mut response = match prepare(&app, connected, request).await {
        Ok(request) => {
            let Ok(response) = router.call(request).await;
            response
        }
        Err(unread) => unread.into_response(),
    };
    if let Some(gone) = response.extensions_mut().remove() {
        return Err(gone);
    }
    let close = HeaderValue::from_static("close");
    let headers = response.headers_mut();
    // A body that was not read to its end leaves a connection on which no further request can be
    // read.
    if headers.get(header::CONNECTION) == Some(&close) || busy.0.state() == State::Reading {
        busy.0.linger();
        headers.insert(header::CONNECTION, close);
    } else if app.peers.stopping() {
        headers.insert(header::CONNECTION, close);
    }
    for (name, value) in trace::fields(span.as_deref()) {
        // Ours are all text.
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(*name, value);
        }
    }
    let status = response.status().as_u16();
    Ok(response.map(|body| Tracked {
        ended: body.is_end_stream(),
        body,
        status,
        span,
        _busy: busy,
    }))
}

/// Reads a body that no handler wants to its end, and injects faults.
async fn prepare(
    app: &App,
    connected: Connected,
    request: Request<Incoming>,
) -> Result<Request<Body>, Unread> {
    check_head(&request)?;
    let route = Route::find(request.uri().path());
    let takes = |route: &Route| route.takes(request.method().as_str());
    let route = route.filter(takes);
    let (mut parts, body) = request.into_parts();
    let body = match route {
        Some(route) if route.reads_body() => {
            parts.extensions.insert(connected);
            Body::new(body)
        }
        _ if body.is_end_stream() => {
            if route.is_some_and(Route::upgrades) {
                parts.extensions.insert(connected);
            }
            Body::empty()
        }
        _ => {
            let max_bytes = app.config.limits.max_body_bytes;
            BodyReader::new(body, connected.peer, max_bytes)
                .discard()
                .await?;
            Body::empty()
        }
    };
    if let Some(route) = route {
        routes::inject_faults(app, route).await;
    }
    Ok(Request::from_parts(parts, body))
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
    /// Whether nothing is left of it.
    ended: bool,
    status: u16,
    span: Option<Box<RequestSpan>>,
    _busy: Busy,
}

impl Drop for Tracked {
    fn drop(&mut self) {
        if self.ended {
            trace::answered(self.span.as_deref(), self.status);
        }
    }
}

impl HttpBody for Tracked {
    type Data = Bytes;
    type Error = axum::Error;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, axum::Error>>> {
        let this = self.get_mut();
        let _within = this.span.as_ref().map(|span| span.span().enter());
        let frame = Pin::new(&mut this.body).poll_frame(cx);
        this.ended = matches!(frame, Poll::Ready(None)) || this.body.is_end_stream();
        frame
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}
