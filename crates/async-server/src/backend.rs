//! Other servers that handlers ask: an async HTTP client with pooled connections.

use std::{net::SocketAddr, time::Duration};

use axum::{
    body::{Body, to_bytes},
    http::{Request, StatusCode},
};
use contract::{
    Answer,
    workloads::aggregate::{MAX_ANSWER, Service, TIMEOUT},
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::{TokioExecutor, TokioTimer},
};
use telemetry::{Call, Instrument, debug, warn};

/// How long a connection is kept without a request: shorter than servers of ours keep it.
const KEPT: Duration = Duration::from_secs(15);

/// Where the services are, and the connections to them.
#[derive(Debug)]
pub(crate) struct Backend {
    addr: SocketAddr,
    client: Client<HttpConnector, Body>,
}

/// Why a service failed.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error("no answer within {} s", TIMEOUT.as_secs())]
    Timeout,
    #[error("status {0}")]
    Status(StatusCode),
    #[error(transparent)]
    Request(#[from] axum::http::Error),
    #[error(transparent)]
    Client(#[from] hyper_util::client::legacy::Error),
    #[error(transparent)]
    Body(#[from] axum::Error),
}

impl Backend {
    pub(crate) fn new(addr: SocketAddr) -> Self {
        let mut connector = HttpConnector::new();
        connector.set_nodelay(true);
        let client = Client::builder(TokioExecutor::new())
            .pool_timer(TokioTimer::new())
            .pool_idle_timeout(KEPT)
            .build(connector);
        Self { addr, client }
    }

    /// Asks a service; an error is the answer to give instead.
    pub(crate) async fn ask(&self, service: &Service) -> Result<Service, Answer> {
        let call = telemetry::call(&service.name);
        self.put(service, &call)
            .instrument(call.span().clone())
            .await
    }

    async fn put(&self, service: &Service, call: &Call) -> Result<Service, Answer> {
        let body = async {
            let uri = format!("http://{}{}", self.addr, service.target());
            let mut request = Request::get(uri);
            for (name, value) in call.fields() {
                request = request.header(*name, value);
            }
            let response = self.client.request(request.body(Body::empty())?).await?;
            if response.status() != StatusCode::OK {
                return Err(Failure::Status(response.status()));
            }
            Ok(to_bytes(Body::new(response.into_body()), MAX_ANSWER).await?)
        };
        let body = tokio::time::timeout(TIMEOUT, body).await;
        let body = body.unwrap_or(Err(Failure::Timeout));
        let body = body.map_err(|failure| {
            warn!(error = %failure, "the service failed");
            service.failed(&failure)
        })?;
        debug!("the service answered");
        service.read(&body)
    }
}
