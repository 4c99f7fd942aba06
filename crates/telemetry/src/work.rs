//! Spans of what is done for a request elsewhere: on other threads, on tasks, by other servers. They
//! are children of the span that is entered when they are made.

use tracing::{Span, debug, error_span};

use crate::{
    context::{REQUEST_ID, TRACEPARENT},
    request::carried,
};

/// A piece of work that is about to be handed over; `on` says to what. To be entered there.
pub fn work(on: &'static str) -> Span {
    let span = error_span!("work", on);
    debug!(parent: &span, "handed over");
    span
}

/// A question to another server.
#[derive(Debug)]
pub struct Call {
    span: Span,
    fields: Vec<(&'static str, String)>,
}

/// A question that is about to be put to the service of this name.
pub fn call(service: &str) -> Call {
    #[cfg(feature = "otel")]
    let span = error_span!("call", peer.service = service, otel.kind = "client");
    #[cfg(not(feature = "otel"))]
    let span = error_span!("call", peer.service = service);
    let fields = fields(&span);
    Call { span, fields }
}

impl Call {
    /// The span, to be entered while the answer is awaited.
    pub fn span(&self) -> &Span {
        &self.span
    }

    /// The fields that tell the other server what the question belongs to. None when nothing is
    /// told.
    pub fn fields(&self) -> &[(&'static str, String)] {
        &self.fields
    }
}

fn fields(span: &Span) -> Vec<(&'static str, String)> {
    let Some(carried) = carried(span) else {
        return Vec::new();
    };
    #[cfg(feature = "otel")]
    let parent = crate::otlp::parent_in(span).or(carried.parent);
    // Whoever exports no span of its own passes on what it was given.
    #[cfg(not(feature = "otel"))]
    let parent = carried.parent;
    let mut fields = vec![(REQUEST_ID, carried.request_id)];
    fields.extend(parent.map(|parent| (TRACEPARENT, parent.to_string())));
    fields
}
