//! The way of spans to a collector: OTLP over HTTP, protobuf in the body. Spans wait in a bounded
//! queue for a thread that sends them; what does not fit is dropped, and the log says so.

use std::{
    fmt,
    future::{Future, ready},
    net::SocketAddr,
    pin::Pin,
    time::Duration,
};

use opentelemetry::{
    Context, KeyValue, SpanId, TraceFlags, TraceId,
    trace::{SpanContext, TraceContextExt, TraceState, TracerProvider as _},
};
use opentelemetry_http::{Bytes, HttpClient, HttpError, Request, Response};
use opentelemetry_otlp::{SpanExporter, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::{
    Resource,
    trace::{SdkTracer, SdkTracerProvider},
};
use tracing::{Span, Subscriber};
use tracing_opentelemetry::{OpenTelemetryLayer, OpenTelemetrySpanExt};
use tracing_subscriber::registry::LookupSpan;

use crate::{Error, context::TraceParent};

/// How long a collector may take to answer, and the last spans to be sent at the end: shorter than
/// those who start servers wait for their end.
const TIMEOUT: Duration = Duration::from_secs(2);

/// Where a collector takes traces, below its base URL.
const TRACES: &str = "/v1/traces";

/// Reads the base URL of a collector.
pub(crate) fn parse_base_url(text: &str) -> Result<String, String> {
    match text.strip_prefix("http://") {
        Some(rest) if !rest.is_empty() && !rest.starts_with('/') => Ok(text.to_owned()),
        _ => Err("expected a URL such as http://127.0.0.1:4318; there is no TLS".to_owned()),
    }
}

/// Where traces go: below the URL given by a flag, or where the environment says, by the variables
/// and in the order that OpenTelemetry defines.
pub(crate) fn endpoint(
    base_url: Option<&str>,
    variable: impl Fn(&str) -> Option<String>,
) -> Option<String> {
    let set = |name| variable(name).filter(|value| !value.is_empty());
    let below = |base: &str| format!("{}{TRACES}", base.trim_end_matches('/'));
    base_url
        .map(below)
        .or_else(|| set("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"))
        .or_else(|| set("OTEL_EXPORTER_OTLP_ENDPOINT").map(|base| below(&base)))
}

/// Sends the spans that still wait when it is dropped.
pub(crate) struct Exporter(SdkTracerProvider);

/// What turns spans into those of a trace, and what sends them.
pub(crate) fn export<S>(
    endpoint: &str,
    server: &str,
    addr: SocketAddr,
) -> Result<(OpenTelemetryLayer<S, SdkTracer>, Exporter), Error>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let config = ureq::Agent::config_builder()
        .proxy(None)
        .http_status_as_error(false)
        .timeout_global(Some(TIMEOUT));
    let exporter = SpanExporter::builder()
        .with_http()
        .with_http_client(Client(config.build().into()))
        .with_endpoint(endpoint)
        .build()
        .map_err(|error| Error::Exporter {
            endpoint: endpoint.to_owned(),
            reason: error.to_string(),
        })?;
    // A name that the environment gives comes first.
    let instance = KeyValue::new("service.instance.id", addr.to_string());
    let mut resource = Resource::builder().with_attribute(instance);
    if std::env::var_os("OTEL_SERVICE_NAME").is_none() {
        resource = resource.with_service_name(server.to_owned());
    }
    let provider = SdkTracerProvider::builder()
        .with_batch_exporter(exporter)
        .with_resource(resource.build())
        .build();
    let layer = tracing_opentelemetry::layer()
        .with_tracer(provider.tracer(env!("CARGO_PKG_NAME")))
        .with_location(false)
        // It would be the thread that makes a span, not the one that works in it.
        .with_threads(false);
    Ok((layer, Exporter(provider)))
}

impl fmt::Debug for Exporter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Exporter")
    }
}

impl Drop for Exporter {
    fn drop(&mut self) {
        // What goes wrong is in the log.
        let _ = self.0.shutdown_with_timeout(TIMEOUT);
    }
}

/// Makes a span, before it is entered, the child of another server's.
pub(crate) fn continue_trace(span: &Span, parent: Option<TraceParent>) {
    let Some(parent) = parent else {
        return;
    };
    let context = SpanContext::new(
        TraceId::from(parent.trace_id),
        SpanId::from(parent.span_id),
        TraceFlags::default().with_sampled(parent.sampled),
        true,
        TraceState::default(),
    );
    // Fails when spans are not exported; then there is nothing to continue.
    let _ = span.set_parent(Context::new().with_remote_span_context(context));
}

/// What other servers are told of a span that is exported; `None` when spans are not.
pub(crate) fn parent_in(span: &Span) -> Option<TraceParent> {
    let context = span.context();
    let context = context.span().span_context().clone();
    context.is_valid().then(|| TraceParent {
        trace_id: u128::from_be_bytes(context.trace_id().to_bytes()),
        span_id: u64::from_be_bytes(context.span_id().to_bytes()),
        sampled: context.is_sampled(),
    })
}

/// Blocks while it sends: the thread that calls it does nothing else.
#[derive(Debug)]
struct Client(ureq::Agent);

impl Client {
    fn send(&self, request: Request<Bytes>) -> Result<Response<Bytes>, HttpError> {
        let (parts, body) = request.into_parts();
        let answer = self.0.run(Request::from_parts(parts, &body[..]))?;
        let (parts, mut body) = answer.into_parts();
        Ok(Response::from_parts(parts, body.read_to_vec()?.into()))
    }
}

impl HttpClient for Client {
    fn send_bytes<'c, 'f>(
        &'c self,
        request: Request<Bytes>,
    ) -> Pin<Box<dyn Future<Output = Result<Response<Bytes>, HttpError>> + Send + 'f>>
    where
        'c: 'f,
        Self: 'f,
    {
        Box::pin(ready(self.send(request)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn traces_go_where_flag_or_environment_say() {
        let nothing = |_: &str| None;
        let variables = |name: &str| match name {
            "OTEL_EXPORTER_OTLP_ENDPOINT" => Some("http://env:4318".to_owned()),
            _ => None,
        };
        let to = |url: &str| Some(url.to_owned());
        assert_eq!(endpoint(None, nothing), None);
        assert_eq!(endpoint(None, |_| Some(String::new())), None);
        assert_eq!(endpoint(None, variables), to("http://env:4318/v1/traces"));
        assert_eq!(
            endpoint(Some("http://a:1/"), variables),
            to("http://a:1/v1/traces")
        );
        let exact = |_: &str| Some("http://b/x".to_owned());
        assert_eq!(endpoint(None, exact), to("http://b/x"));
    }

    #[test]
    fn only_plain_http_is_spoken() {
        assert!(parse_base_url("http://127.0.0.1:4318").is_ok());
        for wrong in ["", "http://", "http:///x", "https://a", "127.0.0.1:4318"] {
            assert!(parse_base_url(wrong).is_err(), "{wrong:?}");
        }
    }
}
