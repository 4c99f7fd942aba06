//! What a server tells of its requests while it runs: a log on standard error, and traces by OTLP.
//!
//! Both are off by default, and then a request pays one branch. The servers know nothing of
//! subscribers and exporters; they say what begins and what ends, alike in both models.
//!
//! # Layout
//!
//! - [`settings`]: what is asked for, and the flags for it.
//! - [`request`]: a span per request; [`mod@work`]: spans of what is done for it elsewhere, on other
//!   threads, on tasks, by other servers.
//! - [`context`]: the ids that go from server to server, `x-request-id` and `traceparent`.
//! - [`subscriber`]: where all of it goes; `format`: how a line of the log looks; `otlp`: the way
//!   to a collector, behind the feature `otel`.

pub mod context;
pub mod request;
pub mod settings;
pub mod subscriber;
pub mod work;

mod format;
#[cfg(feature = "otel")]
mod otlp;

pub use context::TraceParent;
pub use request::{RequestSpan, Tracing};
pub use settings::{Level, Settings, TelemetryArgs};
pub use subscriber::{Guard, install};
// Servers attach spans to futures and say what happens by these.
pub use tracing::{Instrument, Span, debug, trace, warn};
pub use work::{Call, call, work};

/// Why nothing can be told.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// Only one part of a process decides where logs go.
    #[error("logs of this process go elsewhere already: leave --log out")]
    Taken,
    /// The way to the collector can't be made.
    #[cfg(feature = "otel")]
    #[error("cannot export traces to {endpoint}: {reason}; see --otlp-endpoint")]
    Exporter {
        /// Where they should go.
        endpoint: String,
        /// What the exporter says.
        reason: String,
    },
}
