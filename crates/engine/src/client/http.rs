//! `reqwest`: TLS, HTTP/2, and what an application's own client would see.
//!
//! Every connection slot has a `reqwest` client of its own, because one client would share an HTTP/2
//! connection among all requests; so concurrency means connections here too. `reqwest` cannot be told
//! to connect without asking, so [`HttpClient::establish`] sends one request that is not counted, and
//! connection times are not available.

use std::error::Error;
use std::io;
use std::net::SocketAddr;
use std::sync::Arc;

use reqwest::Version;
use reqwest::header::{CONNECTION, TRANSFER_ENCODING};
use rustls::ClientConfig;
use rustls_platform_verifier::BuilderVerifierExt;

use super::failure::{connect_failure, receive_failure};
use super::{Answer, Client, ConnectFailure, Shared};
use crate::endpoint::Address;
use crate::measurement::ErrorKind;
use crate::plan::{BodyCheck, Plan};

pub(crate) struct HttpClient {
    plan: Arc<Plan>,
    shared: Shared,
    address: SocketAddr,
    /// Made once and shared, because reading the system's certificates takes milliseconds.
    tls: ClientConfig,
}

/// A client of its own, which keeps at most one connection.
pub(crate) struct HttpConnection {
    client: reqwest::Client,
    /// Whether the head of the last request's answer came.
    has_read: bool,
}

impl HttpClient {
    fn build(&self) -> reqwest::Result<reqwest::Client> {
        reqwest::Client::builder()
            .tls_backend_preconfigured(self.tls.clone())
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .tcp_nodelay(true)
            .resolve(&self.plan.endpoint.host, self.address)
            .pool_idle_timeout(None)
            .pool_max_idle_per_host(usize::from(self.plan.keep_alive))
            .build()
    }
}

/// TLS as browsers do it: the system's certificates, HTTP/2 where the server offers it. A plain target
/// needs no certificates.
pub(crate) fn tls_config(https: bool) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    let mut config = if https {
        builder.with_platform_verifier()?.with_no_client_auth()
    } else {
        builder
            .with_root_certificates(rustls::RootCertStore::empty())
            .with_no_client_auth()
    };
    config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
    Ok(config)
}

/// The kind of a failed request, from the most telling error in its chain of causes.
pub(crate) fn kind_of(error: &reqwest::Error) -> ErrorKind {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    let mut io = None;
    while let Some(current) = cause {
        if let Some(hyper) = current.downcast_ref::<hyper::Error>() {
            if hyper.is_incomplete_message() {
                return ErrorKind::Closed;
            }
            if hyper.is_parse() {
                return ErrorKind::Protocol;
            }
        }
        io = current.downcast_ref::<io::Error>().or(io);
        cause = current.source();
    }
    match io {
        Some(io) if error.is_connect() => connect_failure(io).kind,
        Some(io) => receive_failure(io),
        None if error.is_connect() => ErrorKind::Connect,
        None => ErrorKind::Protocol,
    }
}

/// The whole chain of causes in one line; `reqwest` alone says little more than "error sending request".
pub(crate) fn reason_of(error: &reqwest::Error) -> String {
    let mut reason = error.to_string();
    let mut cause = error.source();
    while let Some(current) = cause {
        reason = format!("{reason}: {current}");
        cause = current.source();
    }
    reason
}

impl Client for HttpClient {
    type Connection = HttpConnection;

    const CONNECTS: bool = false;

    fn new(plan: &Arc<Plan>, shared: &Shared) -> Result<Self, String> {
        let Address::Tcp(address) = plan.endpoint.address else {
            return Err("reqwest connects by TCP only, not to Unix sockets".to_owned());
        };
        let client = Self {
            plan: Arc::clone(plan),
            address,
            shared: shared.clone(),
            tls: tls_config(plan.endpoint.is_https()).map_err(|error| error.to_string())?,
        };
        client.build().map_err(|error| reason_of(&error))?;
        Ok(client)
    }

    async fn connect(&self) -> Result<Self::Connection, ConnectFailure> {
        let client = self.build().map_err(|error| ConnectFailure {
            kind: ErrorKind::Connect,
            reason: reason_of(&error),
        })?;
        Ok(HttpConnection {
            client,
            has_read: false,
        })
    }

    async fn establish(&self, connection: &mut Self::Connection) -> Result<u64, ConnectFailure> {
        let request = &self.plan.classes[0];
        let answer = connection
            .client
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone())
            .body(request.body.clone())
            .send()
            .await;
        // Piece by piece: an answer may be larger than memory.
        let read = async {
            let mut answer = answer?;
            let stays = !announces_close(&answer);
            while answer.chunk().await?.is_some() {}
            Ok(u64::from(stays))
        };
        read.await.map_err(|error| ConnectFailure {
            kind: kind_of(&error),
            reason: reason_of(&error),
        })
    }

    async fn exchange(
        &self,
        connection: &mut Self::Connection,
        class: usize,
    ) -> Result<Answer, ErrorKind> {
        let request = &self.plan.classes[class];
        let failed = |error: reqwest::Error| kind_of(&error);
        connection.has_read = false;
        let mut answer = connection
            .client
            .request(request.method.clone(), request.url.clone())
            .headers(request.headers.clone())
            .body(request.body.clone())
            .send()
            .await
            .map_err(failed)?;
        connection.has_read = true;
        let announces_close = self.plan.keep_alive && announces_close(&answer);
        let first_byte = if self.plan.record_first_byte {
            self.shared.clock.now()
        } else {
            0
        };
        let mut bytes = head_length(&answer);
        let mut body = BodyCheck::default();
        while let Some(piece) = answer.chunk().await.map_err(failed)? {
            bytes += piece.len() as u64;
            body.take(&request.expect.body, &piece);
        }
        let status = answer.status().as_u16();
        let wrong = if !request.expect.status.accepts(status) {
            Some(ErrorKind::Status)
        } else if !body.holds(&request.expect.body) && !request.bodiless {
            Some(ErrorKind::Body)
        } else {
            None
        };
        Ok(Answer {
            done: self.shared.clock.now(),
            first_byte,
            status,
            bytes,
            wrong,
            // `reqwest` replaces a connection that its peer closed by itself.
            reusable: self.plan.keep_alive,
            announces_close,
            spread: 0,
        })
    }

    async fn part(&self, _: &mut Self::Connection) {}

    fn has_read(&self, connection: &Self::Connection) -> bool {
        connection.has_read
    }

    fn is_open(&self, _: &mut Self::Connection) -> bool {
        true
    }

    fn chunk_gaps<'a>(&self, _: &'a Self::Connection) -> &'a [u64] {
        &[]
    }
}

/// Whether the server said that it would close the connection: in its head, or because the body ends with it.
fn announces_close(answer: &reqwest::Response) -> bool {
    let fields = answer.headers();
    let says = |option: &str| {
        let values = fields.get_all(CONNECTION).iter();
        let values = values.filter_map(|value| value.to_str().ok());
        let mut options = values.flat_map(|value| value.split(','));
        options.any(|it| it.trim().eq_ignore_ascii_case(option))
    };
    match answer.version() {
        Version::HTTP_10 => !says("keep-alive"),
        Version::HTTP_11 => {
            let has_length =
                answer.content_length().is_some() || fields.contains_key(TRANSFER_ENCODING);
            says("close") || !has_length
        }
        _ => false,
    }
}

/// The head's length as HTTP/1.1 would send it; with HTTP/2 it is shorter on the wire.
fn head_length(answer: &reqwest::Response) -> u64 {
    let status = answer.status();
    let line = "HTTP/1.1 200 \r\n".len() + status.canonical_reason().map_or(0, str::len);
    let fields = answer.headers().iter();
    let fields: usize = fields
        .map(|(name, value)| name.as_str().len() + value.len() + ": \r\n".len())
        .sum();
    (line + fields + "\r\n".len()) as u64
}
