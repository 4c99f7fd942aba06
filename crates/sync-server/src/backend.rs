//! Other servers that handlers ask: a blocking HTTP client with pooled connections.

use std::net::SocketAddr;

use contract::{
    Answer,
    workloads::aggregate::{MAX_ANSWER, Service, TIMEOUT},
};
use telemetry::{debug, warn};
use ureq::Agent;

/// More than there are ever requests at once: connections are kept, not made anew.
const KEPT_CONNECTIONS: usize = 100_000;

/// Where the services are, and the connections to them.
#[derive(Debug)]
pub(crate) struct Backend {
    addr: SocketAddr,
    agent: Agent,
}

impl Backend {
    pub(crate) fn new(addr: SocketAddr) -> Self {
        let config = Agent::config_builder()
            .proxy(None)
            .timeout_global(Some(TIMEOUT))
            .max_idle_connections(KEPT_CONNECTIONS)
            .max_idle_connections_per_host(KEPT_CONNECTIONS)
            .build();
        Self {
            addr,
            agent: config.into(),
        }
    }

    /// Asks a service; an error is the answer to give instead.
    pub(crate) fn ask(&self, service: &Service) -> Result<Service, Answer> {
        let call = telemetry::call(&service.name);
        let _within = call.span().enter();
        let uri = format!("http://{}{}", self.addr, service.target());
        let mut request = self.agent.get(uri);
        for (name, value) in call.fields() {
            request = request.header(*name, value);
        }
        let body = request.call().and_then(|mut response| {
            let body = response.body_mut().with_config().limit(MAX_ANSWER as u64);
            body.read_to_vec()
        });
        let body = body.map_err(|error| {
            warn!(%error, "the service failed");
            service.failed(&error)
        })?;
        debug!("the service answered");
        service.read(&body)
    }
}
