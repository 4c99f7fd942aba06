//! A span per request.

use std::{
    borrow::Cow,
    fmt,
    sync::atomic::{AtomicBool, Ordering::Relaxed},
    time::Instant,
};

use tracing::{Span, error_span, field, info, warn};
use tracing_subscriber::{Registry, registry::LookupSpan};

use crate::context::{REQUEST_ID, TRACEPARENT, TraceParent, new_id, valid_id};

/// The longest path that is told, in characters.
const MAX_PATH: usize = 128;

/// Makes the spans of a server's requests.
#[derive(Debug)]
pub struct Tracing {
    tells_clients: bool,
}

/// A request that is being answered. Dropped without an answer, it says so.
pub struct RequestSpan {
    span: Span,
    /// What the answer carries, if it tells the id.
    fields: Option<[(&'static str, String); 1]>,
    start: Instant,
    answered: AtomicBool,
}

/// What goes along with a request to other servers.
#[derive(Debug, Clone)]
pub(crate) struct Carried {
    pub(crate) request_id: String,
    pub(crate) parent: Option<TraceParent>,
}

impl Tracing {
    /// `tells_clients`: whether answers carry the request's id.
    pub(crate) fn new(tells_clients: bool) -> Self {
        Self { tells_clients }
    }

    /// Begins a request. `route` is its path if there is such a one, `field` looks up its header
    /// fields: the client's id for it is kept if it can stand in a log, and its trace is continued.
    pub fn begin<'a>(
        &self,
        method: &str,
        path: &str,
        route: Option<&str>,
        field: impl Fn(&str) -> Option<&'a str>,
    ) -> Box<RequestSpan> {
        let request_id = field(REQUEST_ID).and_then(valid_id).map(str::to_owned);
        let request_id = request_id.unwrap_or_else(new_id);
        let parent = field(TRACEPARENT).and_then(TraceParent::parse);
        let span = span(&request_id, method, path, route);
        #[cfg(feature = "otel")]
        crate::otlp::continue_trace(&span, parent);
        if let Some(trace_id) = trace_id(&span, parent) {
            span.record("trace.id", field::display(format_args!("{trace_id:032x}")));
        }
        let fields = self
            .tells_clients
            .then(|| [(REQUEST_ID, request_id.clone())]);
        carry(&span, Carried { request_id, parent });
        Box::new(RequestSpan {
            span,
            fields,
            start: Instant::now(),
            answered: AtomicBool::new(false),
        })
    }
}

/// Spans have the highest level, so that every line has its request's id, whatever `--log` says.
fn span(request_id: &str, method: &str, path: &str, route: Option<&str>) -> Span {
    macro_rules! request_span {
        ($($more:tt)*) => {
            error_span!(
                parent: None,
                "request",
                request.id = request_id,
                http.request.method = %method,
                url.path = %shown(path),
                trace.id = field::Empty,
                http.response.status_code = field::Empty,
                $($more)*
            )
        };
    }
    #[cfg(feature = "otel")]
    return request_span!(
        otel.kind = "server",
        otel.name = %route.map_or(Cow::Borrowed(method), |route| format!("{method} {route}").into()),
        otel.status_code = field::Empty,
    );
    #[cfg(not(feature = "otel"))]
    {
        let _ = route;
        request_span!()
    }
}

/// The trace a request belongs to: the exporter's, or the one that the client named.
fn trace_id(span: &Span, parent: Option<TraceParent>) -> Option<u128> {
    #[cfg(feature = "otel")]
    if let Some(own) = crate::otlp::parent_in(span) {
        return Some(own.trace_id);
    }
    let _ = span;
    parent.map(|parent| parent.trace_id)
}

/// Leaves with the span what goes along to other servers.
fn carry(span: &Span, carried: Carried) {
    span.with_subscriber(|(id, dispatch)| {
        if let Some(span) = dispatch
            .downcast_ref::<Registry>()
            .and_then(|registry| registry.span(id))
        {
            span.extensions_mut().insert(carried);
        }
    });
}

/// What was left with this span or one around it.
pub(crate) fn carried(span: &Span) -> Option<Carried> {
    span.with_subscriber(|(id, dispatch)| {
        let registry = dispatch.downcast_ref::<Registry>()?;
        let mut around = registry.span(id)?.scope();
        around.find_map(|span| span.extensions().get::<Carried>().cloned())
    })?
}

impl RequestSpan {
    /// The span, to be entered by whatever works for the request.
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// Further fields of the answer: its id, if clients are told.
    pub fn fields(&self) -> &[(&'static str, String)] {
        self.fields.as_ref().map_or(&[], |fields| fields)
    }

    /// Says that the answer was sent, and with what status.
    pub fn answered(&self, status: u16) {
        self.answered.store(true, Relaxed);
        self.span.record("http.response.status_code", status);
        let duration_us = self.duration_us();
        if status < 500 {
            info!(parent: &self.span, duration_us, "answered");
        } else {
            self.span.record("otel.status_code", "ERROR");
            warn!(parent: &self.span, duration_us, "answered");
        }
    }

    /// Time since the head was read.
    fn duration_us(&self) -> u64 {
        u64::try_from(self.start.elapsed().as_micros()).unwrap_or(u64::MAX)
    }
}

impl Drop for RequestSpan {
    fn drop(&mut self) {
        if !self.answered.load(Relaxed) {
            self.span.record("otel.status_code", "ERROR");
            let duration_us = self.duration_us();
            warn!(parent: &self.span, duration_us, "not answered");
        }
        // An exported span ends when it is left for the last time.
        drop(self.span.enter());
    }
}

impl fmt::Debug for RequestSpan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RequestSpan").finish_non_exhaustive()
    }
}

/// A path, short enough for a line.
fn shown(path: &str) -> Cow<'_, str> {
    match path.char_indices().nth(MAX_PATH) {
        Some((end, _)) => Cow::Owned(format!("{}…", &path[..end])),
        None => Cow::Borrowed(path),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn begin(tells_clients: bool, id: Option<&'static str>) -> Box<RequestSpan> {
        Tracing::new(tells_clients)
            .begin("GET", "/", None, |name| id.filter(|_| name == REQUEST_ID))
    }

    #[test]
    fn a_client_s_id_is_kept_unless_it_could_harm() {
        let kept = begin(true, Some("a.b-7"));
        assert_eq!(kept.fields(), [(REQUEST_ID, "a.b-7".to_owned())]);
        let replaced = begin(true, Some("a b"));
        let [(_, id)] = replaced.fields() else {
            panic!("no id");
        };
        assert_eq!(id.len(), 16, "{id}");
        assert_ne!(begin(true, None).fields(), begin(true, None).fields());
        assert!(begin(false, Some("a")).fields().is_empty());
    }

    #[test]
    fn long_paths_are_cut() {
        assert_eq!(shown("/é"), "/é");
        assert_eq!(shown(&"é".repeat(500)).chars().count(), MAX_PATH + 1);
    }
}
