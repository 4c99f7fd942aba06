//! A request to `async-bare` as its handler sees it.

use contract::{Answer, Route};
use http1::{Framing, Head, Method, Version};
use telemetry::RequestSpan;

use crate::{app::App, trace};

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
            route: find(head),
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

/// The route of a request to `async-bare`, or the answer when there is none.
fn find(head: &Head<'_>) -> Result<Route, Answer> {
    let lacks = |route: &Route| !route.is_in_async_bare();
    match Route::requested(head.method_token, head.path) {
        Ok(route) if !lacks(&route) => Ok(route),
        Err(answer) if !Route::find(head.path).is_some_and(|route| lacks(&route)) => Err(answer),
        _ => Err(Answer::not_found(head.path)),
    }
}
