//! `GET /aggregate`: three services are asked over HTTP, and their answers put together.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::Composition;
use crate::{
    Answer, Definition, Expectation, Scenario,
    definition::Mode,
    params::{ParamError, Query},
};

/// How long a service may take before it counts as failed.
pub const TIMEOUT: Duration = Duration::from_secs(10);

/// The longest answer of a service that is read, in bytes.
pub const MAX_ANSWER: usize = 64 * 1024;

/// A service, and how long it takes; also what it answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Service {
    /// Its name.
    pub name: String,
    /// How long it takes, in milliseconds.
    pub wait_ms: u64,
}

/// The services that are asked, in the order in which their answers stand.
pub fn services() -> [Service; 3] {
    [("user", 100), ("order", 150), ("stock", 200)].map(|(name, wait_ms)| Service {
        name: name.to_owned(),
        wait_ms,
    })
}

impl Service {
    /// Reads the query of `GET /backend`, which stands for a service.
    ///
    /// # Errors
    ///
    /// [`ParamError`] for what can't be taken.
    pub fn parse(query: &str) -> Result<Self, ParamError> {
        let query = Query::new(query, &["name", "wait_ms"])?;
        Ok(Self {
            name: query.name("name", "user")?,
            wait_ms: query.number("wait_ms", 100, 0..=60_000)?,
        })
    }

    /// Path and query under which it is asked.
    pub fn target(&self) -> String {
        format!("/backend?name={}&wait_ms={}", self.name, self.wait_ms)
    }

    /// How long it takes.
    pub fn wait(&self) -> Duration {
        Duration::from_millis(self.wait_ms)
    }

    /// What it answers, after waiting.
    pub fn answer(&self) -> Answer {
        Answer::json(self)
    }

    /// Reads what it answered.
    ///
    /// # Errors
    ///
    /// The answer to give when it is something else.
    pub fn read(&self, body: &[u8]) -> Result<Self, Answer> {
        serde_json::from_slice(body).map_err(|error| self.failed(&error))
    }

    /// 502: it failed.
    pub fn failed(&self, error: &dyn std::error::Error) -> Answer {
        Answer::error(502, &format!("service `{}` failed: {error}", self.name))
    }
}

/// 503: nobody said where the services are.
pub fn no_backend() -> Answer {
    Answer::error(
        503,
        "there are no services: start the server with --backend IP:PORT",
    )
}

/// Reads the query.
///
/// # Errors
///
/// [`ParamError`] for what can't be taken.
pub fn parse(query: &str) -> Result<Composition, ParamError> {
    Query::new(query, &["mode"])?.choice("mode")
}

#[derive(Serialize)]
struct Aggregate<'a> {
    services: &'a [Service],
}

/// The answer, when all services have answered.
pub fn answer(services: &[Service]) -> Answer {
    Answer::json(&Aggregate { services })
}

fn expectation(query: &str) -> Result<Expectation, ParamError> {
    let composition = parse(query)?;
    let services = services();
    let waits = services.iter().map(Service::wait);
    let wait = match composition {
        Composition::Sequential => waits.sum(),
        Composition::Concurrent => waits.max().unwrap_or_default(),
    };
    Ok(Expectation::from(answer(&services)).after(wait))
}

pub(crate) const DEFINITION: Definition = Definition {
    name: "aggregate",
    summary: "three services asked over HTTP: the article's aggregator, on pooled connections",
    modes: &[
        Mode {
            name: "sequential",
            summary: "one after another, 450 ms",
            path: "/aggregate",
            query: "mode=sequential",
        },
        Mode {
            name: "concurrent",
            summary: "all at once, 200 ms",
            path: "/aggregate",
            query: "mode=concurrent",
        },
    ],
    scenario: Scenario::Backends,
    lacking: &[],
    classes: |mode, parameters| mode.get("aggregate", parameters, expectation),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_as_the_contract_says() {
        let expectation = expectation("mode=concurrent").unwrap();
        assert_eq!(
            String::from_utf8_lossy(expectation.constant_body().unwrap()),
            r#"{"services":[{"name":"user","wait_ms":100},{"name":"order","wait_ms":150},{"name":"stock","wait_ms":200}]}"#
        );
    }

    #[test]
    fn a_service_is_asked_what_it_understands() {
        for service in services() {
            let target = service.target();
            let query = target.strip_prefix("/backend?").unwrap();
            assert_eq!(Service::parse(query), Ok(service.clone()));
            assert_eq!(service.read(&service.answer().body), Ok(service));
        }
        assert_eq!(services()[0].read(b"oops").unwrap_err().status, 502);
    }
}
