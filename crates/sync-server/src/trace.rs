//! The span of a request, where one is wanted.

use contract::Route;
use http1::Head;
use telemetry::RequestSpan;

use crate::app::App;

/// Begins a request; `None` when nothing is told of requests.
pub(crate) fn begin(app: &App, head: &Head<'_>) -> Option<Box<RequestSpan>> {
    let tracing = app.tracing.as_ref()?;
    let route = Route::find(head.path).map(Route::path);
    Some(tracing.begin(head.method_token, head.path, route, |name| head.field(name)))
}
