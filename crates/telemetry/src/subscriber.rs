//! Where all of it goes. One for the process.

use std::{
    any::Any,
    backtrace::{Backtrace, BacktraceStatus},
    io,
    net::SocketAddr,
    panic::{set_hook, take_hook},
};

use tracing::{Metadata, error, level_filters::LevelFilter};
use tracing_subscriber::{
    Layer, Registry, filter::filter_fn, fmt, layer::SubscriberExt, registry::LookupSpan,
};

use crate::{
    Error,
    format::Fields,
    settings::{Level, Settings},
};

/// What has to be ended in order: dropped, it sends the spans that still wait.
#[derive(Debug, Default)]
#[must_use = "spans are exported until it is dropped"]
pub struct Guard {
    #[cfg(feature = "otel")]
    _exporter: Option<crate::otlp::Exporter>,
}

/// Has this process tell what the settings ask for, from now on. `server` and `addr` say to a
/// collector who tells it.
///
/// # Errors
///
/// [`Error`] when somebody else decided already where logs go, or traces can't be exported.
pub fn install(settings: &Settings, server: &str, addr: SocketAddr) -> Result<Guard, Error> {
    if !settings.any() {
        return Ok(Guard::default());
    }
    let lines = Registry::default().with(lines(settings.log));
    #[cfg(feature = "otel")]
    if let Some(endpoint) = &settings.otlp_endpoint {
        let (layer, exporter) = crate::otlp::export(endpoint, server, addr)?;
        begin(lines.with(layer.with_filter(LevelFilter::INFO)), settings)?;
        return Ok(Guard {
            _exporter: Some(exporter),
        });
    }
    let _ = (server, addr);
    begin(lines, settings)?;
    Ok(Guard::default())
}

fn begin(
    subscriber: impl tracing::Subscriber + Send + Sync,
    settings: &Settings,
) -> Result<(), Error> {
    tracing::subscriber::set_global_default(subscriber).map_err(|_| Error::Taken)?;
    tell_panics(settings.log.is_some());
    Ok(())
}

/// The log on standard error. Without one, what keeps traces from being exported is still told.
fn lines<S>(level: Option<Level>) -> impl Layer<S>
where
    S: tracing::Subscriber + for<'a> LookupSpan<'a>,
{
    let least = level.map(|level| match level {
        Level::Error => LevelFilter::ERROR,
        Level::Warn => LevelFilter::WARN,
        Level::Info => LevelFilter::INFO,
        Level::Debug => LevelFilter::DEBUG,
        Level::Trace => LevelFilter::TRACE,
    });
    let exporter_fails = |metadata: &Metadata<'_>| {
        metadata.target().starts_with("opentelemetry") && *metadata.level() <= LevelFilter::WARN
    };
    fmt::layer()
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_target(false)
        .fmt_fields(Fields)
        .with_filter(
            filter_fn(move |metadata| match least {
                Some(least) => *metadata.level() <= least,
                None => exporter_fails(metadata),
            })
            .with_max_level_hint(least.unwrap_or(LevelFilter::WARN)),
        )
}

/// A panic is told in the span in which it happens, so with its request's id. With a log, that is instead
/// of the usual message, whose pieces would tear lines of the log.
fn tell_panics(in_log: bool) {
    let before = take_hook();
    set_hook(Box::new(move |panic| {
        let reason = text(panic.payload());
        let location = panic.location().map(ToString::to_string);
        let location = location.unwrap_or_default();
        let backtrace = Backtrace::capture();
        match backtrace.status() {
            BacktraceStatus::Captured => error!(reason, location, %backtrace, "panicked"),
            _ => error!(reason, location, "panicked"),
        }
        if !in_log {
            before(panic);
        }
    }));
}

fn text(payload: &dyn Any) -> &str {
    let owned = payload.downcast_ref::<String>().map(String::as_str);
    owned
        .or_else(|| payload.downcast_ref::<&str>().copied())
        .unwrap_or("not a text")
}
