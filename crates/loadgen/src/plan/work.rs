//! What the servers are asked for: a workload of the contract, or a request of the user's own.

use std::time::Duration;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use engine::{Expect, ExpectBody, ExpectStatus, Request, RequestClass};
use workload::Workload;

use super::url;
use crate::cli::RunArgs;
use crate::servers;

/// What the servers are asked for.
#[derive(Debug, Clone)]
pub enum Work {
    /// A workload of the contract, with answers that can be verified.
    Contract(Workload),
    /// A request of the user's own.
    Custom(Request),
}

impl Work {
    /// Name in the record.
    pub fn name(&self) -> String {
        match self {
            Self::Contract(workload) => workload.to_string(),
            Self::Custom(_) => "custom".to_owned(),
        }
    }

    /// How long an answer takes at least, on average over the classes; zero where that is not known.
    pub fn wait(&self) -> Duration {
        match self {
            Self::Contract(workload) => workload.wait(),
            Self::Custom(_) => Duration::ZERO,
        }
    }

    /// The requests to send, and the answers that count.
    pub fn classes(&self) -> Vec<RequestClass> {
        match self {
            Self::Contract(workload) => servers::request_classes(workload),
            Self::Custom(request) => vec![RequestClass {
                name: "custom".to_owned(),
                weight: 1,
                request: request.clone(),
                expect: Expect {
                    status: ExpectStatus::Any2xx,
                    body: ExpectBody::Any,
                },
            }],
        }
    }
}

pub(super) fn asked_for(args: &RunArgs) -> anyhow::Result<Work> {
    let Some(url) = &args.url else {
        if !args.header.is_empty() {
            bail!("--header goes with a URL: the requests of a workload are fixed");
        }
        return Ok(Work::Contract(args.workload.parse()?));
    };
    if args.workload != "hello" {
        bail!(
            "--workload {} and a URL exclude each other; to load that server with a workload: --server {url}",
            args.workload
        );
    }
    let body = match args.body.as_deref() {
        None => Bytes::new(),
        Some(text) => match text.strip_prefix('@') {
            Some(path) => std::fs::read(path)
                .with_context(|| format!("--body: cannot read {path}"))?
                .into(),
            None => Bytes::copy_from_slice(text.as_bytes()),
        },
    };
    let method = match args.method.as_deref() {
        Some(method) if method.is_empty() || !method.chars().all(|c| c.is_ascii_alphabetic()) => {
            bail!("--method {method:?} is not an HTTP method")
        }
        Some(method) => method.to_ascii_uppercase(),
        None if body.is_empty() => "GET".to_owned(),
        None => "POST".to_owned(),
    };
    let (_, path) = url::split(url)?;
    Ok(Work::Custom(Request {
        method,
        path,
        headers: args.header.clone(),
        body,
    }))
}
