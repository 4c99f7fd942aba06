//! The span of a request, where one is wanted, by both doors.

use axum::http::Request;
use contract::Route;
use http1::Head;
use telemetry::{RequestSpan, Span};

use crate::app::App;

/// Begins a request to `async-bare`; `None` when nothing is told of requests.
pub(crate) fn begin(app: &App, head: &Head<'_>) -> Option<Box<RequestSpan>> {
    let tracing = app.tracing.as_ref()?;
    let route = Route::find(head.path).map(Route::path);
    Some(tracing.begin(head.method_token, head.path, route, |name| head.field(name)))
}

/// The same to `async`.
pub(crate) fn begin_in_framework<B>(app: &App, request: &Request<B>) -> Option<Box<RequestSpan>> {
    let tracing = app.tracing.as_ref()?;
    let path = request.uri().path();
    let route = Route::find(path).map(Route::path);
    let field = |name: &str| request.headers().get(name)?.to_str().ok();
    Some(tracing.begin(request.method().as_str(), path, route, field))
}

/// Its span, to be entered whenever its future runs; without one, there is nothing to enter.
pub(crate) fn span(span: Option<&RequestSpan>) -> Span {
    span.map_or_else(Span::none, |span| span.span().clone())
}

/// Further fields of its answer.
pub(crate) fn fields(span: Option<&RequestSpan>) -> &[(&'static str, String)] {
    span.map_or(&[], RequestSpan::fields)
}

/// Says that its answer was sent.
pub(crate) fn answered(span: Option<&RequestSpan>, status: u16) {
    if let Some(span) = span {
        span.answered(status);
    }
}
