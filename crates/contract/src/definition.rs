//! What a kind of work is: its variants, what they ask for, and what must come back.

use crate::{Expectation, Mismatch, ParamError};

/// What the load generator has to do for a workload, beyond sending its requests.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scenario {
    /// Nothing: requests of its classes by their shares, over and over.
    Plain,
    /// Requests of the first class at a constant rate, while a few connections send the second
    /// one back to back.
    Probed,
    /// Requests at a constant rate that is more than the server can take; it may answer 503.
    Overload {
        /// Requests per second.
        rate_per_s: f64,
    },
    /// Requests while many other connections are open and idle.
    BesideIdle,
    /// Requests whose answers come in chunks: when each arrives is recorded.
    Streamed,
    /// Requests that make the servers call backends, which are started first.
    Backends,
    /// Messages over WebSocket instead of requests.
    WebSocket,
}

/// A kind of work, as it stands in the list of workloads.
#[derive(Debug)]
pub struct Definition {
    /// Its name.
    pub name: &'static str,
    /// What it shows, in a line.
    pub summary: &'static str,
    /// Its variants, the default first. A workload without variants has one without a name.
    pub modes: &'static [Mode],
    /// What the load generator has to do.
    pub scenario: Scenario,
    /// Which servers do not have it.
    pub lacking: &'static [Lacking],
    pub(crate) classes: fn(&Mode, &str) -> Result<Vec<Class>, ParamError>,
}

/// A variant of a workload.
#[derive(Debug, PartialEq, Eq)]
pub struct Mode {
    /// Its name; empty when there is only one.
    pub name: &'static str,
    /// What it does, in a few words; empty when there is only one.
    pub summary: &'static str,
    /// Path that it asks for.
    pub path: &'static str,
    pub(crate) query: &'static str,
}

/// A server that does not have a workload.
#[derive(Debug, PartialEq, Eq)]
pub struct Lacking {
    /// The server's name.
    pub server: &'static str,
    /// Why not.
    pub reason: &'static str,
}

/// A request, without what depends on the connection (`host`, `content-length`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Request {
    /// The method.
    pub method: &'static str,
    /// Path and query.
    pub target: String,
    /// Further fields, names in lower case.
    pub fields: Vec<(&'static str, String)>,
    /// The body; empty for none.
    pub body: Vec<u8>,
}

/// Requests that are counted together, with the answer they must get.
#[derive(Debug, Clone, PartialEq)]
pub struct Class {
    /// Its name.
    pub name: &'static str,
    /// Its share of all requests, in percent; the shares of a workload add up to 100.
    pub share_percent: u32,
    /// What is sent.
    pub request: Request,
    /// What must come back.
    pub expectation: Expectation,
}

impl Definition {
    /// Names of the modes; empty when there is only one.
    pub fn mode_names(&self) -> Vec<&'static str> {
        let names = self.modes.iter().map(|mode| mode.name);
        names.filter(|name| !name.is_empty()).collect()
    }
}

impl Lacking {
    /// What `async-bare` does without.
    pub(crate) const IN_ASYNC_BARE: Self = Self {
        server: "async-bare",
        reason: "here Axum's parts are the point, and async-bare is without them",
    };
}

impl Mode {
    /// The only variant of a workload that has no variants.
    pub(crate) const fn only(path: &'static str) -> Self {
        Self {
            name: "",
            summary: "",
            path,
            query: "",
        }
    }

    /// The query of this mode with further parameters.
    pub(crate) fn query_with(&self, parameters: &str) -> String {
        let parts = [self.query, parameters];
        let given: Vec<&str> = parts.into_iter().filter(|part| !part.is_empty()).collect();
        given.join("&")
    }

    /// The one class of a workload that only sends `GET`.
    pub(crate) fn get(
        &self,
        class: &'static str,
        parameters: &str,
        expect: fn(&str) -> Result<Expectation, ParamError>,
    ) -> Result<Vec<Class>, ParamError> {
        let query = self.query_with(parameters);
        Ok(vec![Class {
            name: class,
            share_percent: 100,
            expectation: expect(&query)?,
            request: Request::get(self.path, &query),
        }])
    }
}

impl Request {
    /// `GET` of a path with a query.
    pub(crate) fn get(path: &str, query: &str) -> Self {
        let separator = if query.is_empty() { "" } else { "?" };
        Self {
            method: "GET",
            target: format!("{path}{separator}{query}"),
            fields: Vec::new(),
            body: Vec::new(),
        }
    }
}

impl Class {
    /// Checks an answer. `content_type` is what the server sent, if it did.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] for the first difference.
    pub fn check(
        &self,
        status: u16,
        content_type: Option<&str>,
        body: &[u8],
    ) -> Result<(), Mismatch> {
        self.expectation.check(status, content_type, body)
    }

    /// The body, if all answers have the same: then it can be compared byte for byte.
    pub fn expected_body(&self) -> Option<&[u8]> {
        self.expectation.constant_body()
    }
}
