//! A collector: takes OTLP over HTTP on a real socket, and keeps the spans.

use std::{
    collections::HashMap,
    io::{BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    sync::{Arc, Mutex},
    thread,
};

use opentelemetry_proto::tonic::{
    collector::trace::v1::ExportTraceServiceRequest,
    common::v1::{KeyValue, any_value::Value},
};
use prost::Message;

/// A span as it arrived.
#[derive(Debug, Clone)]
pub(crate) struct Span {
    pub(crate) service: String,
    pub(crate) instance: String,
    pub(crate) name: String,
    /// 2 of servers, 3 of clients, 1 of neither.
    pub(crate) kind: i32,
    /// In hexadecimal digits, as in `traceparent`.
    pub(crate) trace_id: String,
    pub(crate) id: String,
    pub(crate) parent: String,
    pub(crate) attributes: HashMap<String, String>,
    /// 2 for errors.
    pub(crate) status: i32,
    pub(crate) events: Vec<String>,
    pub(crate) duration_ns: u64,
}

/// Listens until the test ends.
pub(crate) struct Collector {
    url: String,
    spans: Arc<Mutex<Vec<Span>>>,
}

impl Collector {
    pub(crate) fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
        let url = format!("http://{}", listener.local_addr().expect("its address"));
        let spans = Arc::<Mutex<Vec<Span>>>::default();
        let collected = spans.clone();
        thread::spawn(move || {
            for stream in listener.incoming().map_while(Result::ok) {
                let spans = collected.clone();
                thread::spawn(move || serve(stream, &spans));
            }
        });
        Self { url, spans }
    }

    /// What to give as endpoint.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The spans of a trace that have arrived. Servers send the last ones before they end.
    pub(crate) fn trace(&self, trace_id: &str) -> Vec<Span> {
        let spans = self.spans.lock().expect("spans");
        let of_trace = |span: &&Span| span.trace_id == trace_id;
        spans.iter().filter(of_trace).cloned().collect()
    }
}

/// Requests of one connection, one after another.
fn serve(stream: TcpStream, spans: &Mutex<Vec<Span>>) {
    let mut writer = stream.try_clone().expect("a second handle");
    let mut reader = BufReader::new(stream);
    while let Some(body) = read_request(&mut reader) {
        let request = ExportTraceServiceRequest::decode(&*body).expect("OTLP");
        spans.lock().expect("spans").extend(spans_of(request));
        let answer =
            "HTTP/1.1 200 OK\r\ncontent-type: application/x-protobuf\r\ncontent-length: 0\r\n\r\n";
        if writer.write_all(answer.as_bytes()).is_err() {
            return;
        }
    }
}

/// The body of the next request; `None` when there is none.
fn read_request(reader: &mut BufReader<TcpStream>) -> Option<Vec<u8>> {
    let mut line = || {
        let mut line = String::new();
        reader.read_line(&mut line).ok().filter(|&read| read > 0)?;
        Some(line.trim_end().to_ascii_lowercase())
    };
    assert_eq!(line()?, "post /v1/traces http/1.1");
    let mut fields = HashMap::new();
    while let Some(field) = line().filter(|field| !field.is_empty()) {
        let (name, value) = field.split_once(": ").expect("a colon");
        fields.insert(name.to_owned(), value.to_owned());
    }
    assert_eq!(fields["content-type"], "application/x-protobuf");
    let mut body = vec![0; fields["content-length"].parse().expect("a number")];
    reader.read_exact(&mut body).expect("a whole body");
    Some(body)
}

fn spans_of(request: ExportTraceServiceRequest) -> Vec<Span> {
    let mut spans = Vec::new();
    for from in request.resource_spans {
        let resource = attributes(from.resource.expect("a resource").attributes);
        for span in from.scope_spans.into_iter().flat_map(|scope| scope.spans) {
            spans.push(Span {
                service: resource["service.name"].clone(),
                instance: resource["service.instance.id"].clone(),
                name: span.name,
                kind: span.kind,
                trace_id: hex(&span.trace_id),
                id: hex(&span.span_id),
                parent: hex(&span.parent_span_id),
                attributes: attributes(span.attributes),
                status: span.status.map_or(0, |status| status.code),
                events: span.events.into_iter().map(|event| event.name).collect(),
                duration_ns: span.end_time_unix_nano - span.start_time_unix_nano,
            });
        }
    }
    spans
}

fn attributes(pairs: Vec<KeyValue>) -> HashMap<String, String> {
    let text = |value| match value {
        Some(Value::StringValue(text)) => text,
        Some(Value::IntValue(number)) => number.to_string(),
        other => format!("{other:?}"),
    };
    let pairs = pairs.into_iter();
    pairs
        .map(|pair| (pair.key, text(pair.value.and_then(|value| value.value))))
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
