//! A request to `async-bare` as its handler sees it.

use http1::{Framing, Head, Method, Version};
use telemetry::RequestSpan;
use workload::{Answer, Route};

use crate::{app::App, routes, trace};

/// A request without its body.
pub(crate) struct Request {
    /// The route, or the answer when there is none.
    pub(crate) route: Result<Route, Answer>,
    pub(crate) query: String,
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
        trace::fields(self.span.as_deref())
    }

    /// Says that its answer was sent.
    pub(crate) fn answered(&self, status: u16) {
        trace::answered(self.span.as_deref(), status);
    }
}
