//! What the servers are asked for: a workload of the contract, or a request of the user's own.

use std::time::Duration;

use bytes::Bytes;
use contract::{Class, Workload};
use engine::{Expect, ExpectBody, ExpectStatus, Request, RequestClass};

use crate::agreement::Question;
use crate::server_under_test::ServerUnderTest;
use crate::values::Verify;

/// What the servers are asked for.
#[derive(Debug, Clone)]
pub enum Work {
    /// A workload of the contract, with answers that can be verified.
    Contract(Workload),
    /// A request of the user's own.
    Own(Box<OwnRequest>),
}

/// A request of the user's own, and which answers to it are right.
#[derive(Debug, Clone)]
pub struct OwnRequest {
    /// What is sent.
    pub request: Request,
    /// Statuses that can be measured.
    pub statuses: ExpectStatus,
    /// What all servers must answer alike.
    pub verify: Verify,
    /// What they have answered alike, once they were asked.
    pub agreed: Option<Expect>,
}

impl OwnRequest {
    /// `GET /search`.
    pub fn name(&self) -> String {
        format!("{} {}", self.request.method, self.request.path)
    }

    /// Asks all servers and notes what counts as a right answer.
    ///
    /// # Errors
    /// As [`Question::agree`].
    pub fn agree(&mut self, suts: &[ServerUnderTest], timeout: Duration) -> anyhow::Result<()> {
        let suts: Vec<_> = suts.iter().collect();
        self.agreed = Some(self.question(&self.name()).agree(&suts, timeout)?);
        Ok(())
    }

    /// The same as a question to servers.
    pub fn question<'a>(&'a self, name: &'a str) -> Question<'a> {
        Question {
            name,
            request: &self.request,
            statuses: self.statuses,
            verify: self.verify,
        }
    }
}

impl Work {
    /// Name in the record.
    pub fn name(&self) -> String {
        match self {
            Self::Contract(workload) => workload.to_string(),
            Self::Own(_) => "custom".to_owned(),
        }
    }

    /// How long an answer takes at least, on average over the classes; zero where that is not known.
    pub fn wait(&self) -> Duration {
        match self {
            Self::Contract(workload) => workload.wait(),
            Self::Own(_) => Duration::ZERO,
        }
    }

    /// The requests to send, and the answers that count.
    pub fn classes(&self) -> Vec<RequestClass> {
        match self {
            Self::Contract(workload) => request_classes(workload),
            Self::Own(own) => vec![RequestClass {
                name: "custom".to_owned(),
                weight: 1,
                request: own.request.clone(),
                expect: own.agreed.clone().unwrap_or(Expect {
                    status: own.statuses,
                    body: ExpectBody::Any,
                }),
            }],
        }
    }
}

/// What the engine sends for a workload, and what it counts as an answer.
pub fn request_classes(workload: &Workload) -> Vec<RequestClass> {
    let measured = workload.classes().iter();
    measured
        .filter(|class| class.share_percent > 0)
        .map(|class| request_class(class, class.share_percent))
        .collect()
}

/// What other connections send beside: the classes that have no share of the load.
pub fn background_classes(workload: &Workload) -> Vec<RequestClass> {
    let background = workload.classes().iter();
    background
        .filter(|class| class.share_percent == 0)
        .map(|class| request_class(class, 1))
        .collect()
}

fn request_class(class: &Class, weight: u32) -> RequestClass {
    let body = match class.expected_body() {
        Some(body) => ExpectBody::Exact(Bytes::copy_from_slice(body)),
        None => ExpectBody::Any,
    };
    RequestClass {
        name: class.name.to_owned(),
        weight,
        request: request(class),
        expect: Expect {
            status: ExpectStatus::Exact(class.expectation.status),
            body,
        },
    }
}

/// What is sent for a class.
pub fn request(class: &Class) -> Request {
    let request = &class.request;
    Request {
        method: request.method.to_owned(),
        path: request.target.clone(),
        headers: request
            .fields
            .iter()
            .map(|(name, value)| ((*name).to_owned(), value.clone()))
            .collect(),
        body: Bytes::copy_from_slice(&request.body),
    }
}
