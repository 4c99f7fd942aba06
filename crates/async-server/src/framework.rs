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
    http::{
        HeaderMap, HeaderValue, Method, Request, Response, StatusCode, Version, header,
        request::Parts,
    },
    response::IntoResponse,
};
use bytes::Bytes;
use contract::{Route, workloads::websocket::Upgrade};
use hyper::{
    body::{Frame, Incoming, SizeHint},
    server::conn::http1::Builder,
    service::{Service, service_fn},
};
use hyper_util::{rt::TokioIo, service::TowerToHyperService};
use telemetry::{Instrument, RequestSpan};
use tokio::net::TcpStream;

use crate::{
    app::App,
    incoming::{BodyReader, Connected, Gone, Handshake, Unread, waits},
    peers::{ConnectionGuard, Peer, State},
    routes,
    socket::Socket,
    trace,
};

/// Hyper's smallest buffer, in bytes. How long a head may be says the socket.
const LEAST_BUFFER: usize = 8 * 1024;

/// Serves a connection until it closes. Errors end it; there is nobody to tell.
pub(crate) async fn serve(
    app: Arc<App>,
    peer: Arc<Peer>,
    guard: ConnectionGuard,
    stream: TcpStream,
    router: Router,
) {
    if stream.set_nodelay(!app.config.nagle).is_err() {
        return;
    }
    let socket = Socket::new(stream, app.clone(), peer.clone());
    let router = TowerToHyperService::new(router);
    let mut builder = Builder::new();
    builder
        .max_buf_size(app.config.limits.max_head_bytes.max(LEAST_BUFFER))
        // It would also close idle connections; the socket keeps both times apart.
        .header_read_timeout(None);
    let guard = Arc::new(guard);
    let service = service_fn(move |request| {
        let connected = Connected::new(peer.clone(), guard.clone());
        let busy = Busy::new(peer.clone());
        let span = trace::begin_in_framework(&app, &request);
        let within = trace::span(span.as_deref());
        let answer = answer(app.clone(), connected, busy, router.clone(), request, span);
        answer.instrument(within)
    });
    telemetry::debug!("connection opened");
    let _ = builder
        .serve_connection(TokioIo::new(socket), service)
        .with_upgrades()
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
    let asked = Asked {
        version: request.version(),
        head_only: request.method() == Method::HEAD,
    };
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
    finish(&app, &busy, &asked, span.as_deref(), &mut response);
    let status = response.status().as_u16();
    Ok(response.map(|body| Tracked {
        ended: body.is_end_stream(),
        body,
        status,
        span,
        _busy: busy,
    }))
}

/// What of a request its answer depends on.
struct Asked {
    version: Version,
    head_only: bool,
}

/// Gives an answer the fields that stand behind those of its handler, in the order of the other servers.
fn finish(
    app: &App,
    busy: &Busy,
    asked: &Asked,
    span: Option<&RequestSpan>,
    response: &mut Response<Body>,
) {
    if response.status() == StatusCode::SWITCHING_PROTOCOLS {
        busy.0.set(State::Upgraded);
        return add(response.headers_mut(), trace::fields(span));
    }
    let size = response.body().size_hint().exact();
    let headers = response.headers_mut();
    // A body that was not read to its end leaves a connection on which no further request can be
    // read.
    let is_refused = headers.get(header::CONNECTION).is_some() || busy.0.state() == State::Reading;
    if is_refused {
        busy.0.linger();
        headers.remove(header::CONNECTION);
    }
    let fields = trace::fields(span);
    if !fields.is_empty() {
        let length = headers.remove(header::CONTENT_LENGTH);
        add(headers, fields);
        headers.extend(length.map(|length| (header::CONTENT_LENGTH, length)));
    }
    let closes = is_refused || app.peers.stopping();
    if asked.version == Version::HTTP_10 {
        let has_length = headers.contains_key(header::CONTENT_LENGTH);
        let is_unbounded = size.is_none() || asked.head_only && !has_length;
        if closes || is_unbounded {
            // By this hyper knows that the connection is not kept, and promises nothing else.
            *response.version_mut() = Version::HTTP_10;
        }
    } else if closes {
        if let Some(size) = size {
            let length = headers.entry(header::CONTENT_LENGTH);
            length.or_insert_with(|| HeaderValue::from(size));
        }
        headers.insert(header::CONNECTION, HeaderValue::from_static("close"));
    }
}

fn add(headers: &mut HeaderMap, fields: &[(&'static str, String)]) {
    for (name, value) in fields {
        // Ours are all text.
        if let Ok(value) = HeaderValue::try_from(value) {
            headers.insert(*name, value);
        }
    }
}

/// Reads a body that no handler wants to its end, and injects faults.
async fn prepare(
    app: &App,
    connected: Connected,
    request: Request<Incoming>,
) -> Result<Request<Body>, Unread> {
    let route = Route::requested(request.method().as_str(), request.uri().path());
    let waits = !request.body().is_end_stream() && waits(&request);
    let (mut parts, body) = request.into_parts();
    let body = match &route {
        Ok(route) if route.reads_body() => Body::new(body),
        _ if body.is_end_stream() => Body::empty(),
        _ => {
            let max_bytes = app.config.limits.max_body_bytes;
            let unwanted = route.as_ref().err().filter(|_| waits).cloned();
            BodyReader::new(body, connected.peer.clone(), max_bytes)
                .instead_of_asking(unwanted)
                .discard()
                .await?;
            Body::empty()
        }
    };
    if let Ok(route) = route {
        introduce(&mut parts, connected, route);
        routes::inject_faults(app, route).await;
    }
    Ok(Request::from_parts(parts, body))
}

/// Tells a handler of its connection, if it reads the body or goes on with WebSocket.
fn introduce(parts: &mut Parts, connected: Connected, route: Route) {
    if route.reads_body() {
        parts.extensions.insert(connected);
    } else if route.upgrades() {
        let upgrade = {
            let field = |name: &str| parts.headers.get(name)?.to_str().ok();
            let query = parts.uri.query().unwrap_or_default();
            let is_http_1_0 = parts.version == Version::HTTP_10;
            Upgrade::check(parts.uri.path(), query, is_http_1_0, field)
        };
        if upgrade.is_ok() {
            // Axum wants nothing else to stand beside them.
            let alone = [
                (header::CONNECTION, "upgrade"),
                (header::UPGRADE, "websocket"),
            ];
            for (name, value) in alone {
                parts.headers.insert(name, HeaderValue::from_static(value));
            }
        }
        parts.extensions.insert(Handshake { connected, upgrade });
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
        if self.0.state() != State::Upgraded {
            self.0.rest();
        }
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
