//! A request as its handler sees it.

use http1::{Framing, Head, Method, Version};
use telemetry::RequestSpan;
use workload::{Answer, Limits, Route, workloads::websocket::Upgrade};

use crate::{app::App, routes, trace};

/// A request without its body.
pub(crate) struct Request {
    /// The route, or the answer when there is none.
    pub(crate) route: Result<Route, Answer>,
    pub(crate) query: String,
    /// The value of `content-type`, if there is a body.
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
        Self {
            route: routes::find(head),
            // Without a query this does not allocate.
            query: head.query.unwrap_or_default().to_owned(),
            content_type: match head.framing {
                Framing::None => None,
                _ => head.field("content-type").map(str::to_owned),
            },
            upgrade: routes::upgrade(head).map(Box::new),
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
