//! A request as its handler sees it.

use contract::{Answer, Route, workloads::websocket::Upgrade};
use http1::{Framing, Head, Method, Version, text};
use server_core::Limits;
use telemetry::RequestSpan;

use crate::{app::App, trace};

/// A request without its body.
pub(crate) struct Request {
    /// The route, or the answer when there is none.
    pub(crate) route: Result<Route, Answer>,
    pub(crate) query: String,
    /// The value of `content-type`, where its handler looks at it; `?` where that is no text.
    pub(crate) content_type: Option<String>,
    /// On a route that goes on with WebSocket: how, or why not.
    pub(crate) upgrade: Option<Box<Result<Upgrade, Answer>>>,
    pub(crate) version: Version,
    pub(crate) framing: Framing,
    pub(crate) expect_continue: bool,
    pub(crate) head_only: bool,
    pub(crate) keep_alive: bool,
    pub(crate) span: Option<Box<RequestSpan>>,
}

impl Request {
    pub(crate) fn new(app: &App, head: &Head<'_>) -> Self {
        let route = Route::requested(head.method_token, head.path);
        Self {
            // Without a query this does not allocate.
            query: head.query.unwrap_or_default().to_owned(),
            content_type: content_type(&route, head),
            upgrade: upgrade(head).map(Box::new),
            route,
            version: head.version,
            framing: head.framing,
            expect_continue: head.expect_continue,
            head_only: head.method == Method::Head,
            keep_alive: head.keep_alive,
            span: trace::begin(app, head),
        }
    }

    /// Further fields of its answer.
    pub(crate) fn fields(&self) -> &[(&'static str, String)] {
        self.span.as_ref().map_or(&[], |span| span.fields())
    }

    /// Says that its answer was sent.
    pub(crate) fn answered(&self, status: u16) {
        if let Some(span) = &self.span {
            span.answered(status);
        }
    }

    /// Whether its handler reads the body.
    pub(crate) fn reads_body(&self) -> bool {
        self.route.as_ref().is_ok_and(|route| route.reads_body())
    }

    /// The longest body it may have.
    pub(crate) fn max_body_bytes(&self, limits: &Limits) -> u64 {
        match self.route {
            Ok(Route::Upload) => limits.max_upload_bytes,
            _ => limits.max_body_bytes,
        }
    }
}

/// The value of `content-type`, where a handler looks at it.
fn content_type(route: &Result<Route, Answer>, head: &Head<'_>) -> Option<String> {
    let value = match route {
        Ok(Route::Batch) => head.value("content-type")?,
        _ => return None,
    };
    Some(text(value).unwrap_or("?").to_owned())
}

/// On a route that goes on with WebSocket: how, or why not.
fn upgrade(head: &Head<'_>) -> Option<Result<Upgrade, Answer>> {
    let upgrades = Route::find(head.path).is_some_and(Route::upgrades);
    let query = head.query.unwrap_or_default();
    let is_http_1_0 = head.version == Version::Http10;
    upgrades.then(|| Upgrade::check(head.path, query, is_http_1_0, |name| head.field(name)))
}
