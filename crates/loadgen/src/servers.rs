//! What is known about the built-in servers: their names, what they have, whether they answer right.

use std::time::Duration;

use anyhow::{Context as _, bail};
use async_server::{Flavor, Model};
use bytes::Bytes;
use clap::Parser as _;
use engine::{Expect, ExpectBody, ExpectStatus, Request, RequestClass};
use workload::{Class, Workload};

use crate::arm::Arm;
use crate::cli::{Cli, Command, Serve};
use crate::counters;
use crate::plan::{ServerSource, ServerSpec, Work};

/// The built-in servers, as `loadgen serve` knows them.
pub const MODELS: [&str; 4] = ["sync", "sync-pool", "async-bare", "async"];

/// Fails when a server does not have a workload.
///
/// # Errors
/// Then, with the reason.
pub fn check_has(server: &ServerSpec, workload: &Workload) -> anyhow::Result<()> {
    let ServerSource::BuiltIn { model, .. } = &server.source else {
        return Ok(());
    };
    match workload.lacking(model) {
        Some(reason) => bail!(
            "server {model} does not have workload {}: {reason}",
            workload.name()
        ),
        None => Ok(()),
    }
}

/// Worker threads of the async servers that are started here, the most where they differ; the cores of the
/// machine where there is none.
pub fn worker_threads(servers: &[ServerSpec], cpus: &[usize]) -> usize {
    let workers = servers.iter().filter_map(|server| workers_of(server, cpus));
    workers.max().unwrap_or_else(counters::available_cores)
}

/// As the server's own flags are read; by default there is one on each CPU that it may use.
fn workers_of(server: &ServerSpec, cpus: &[usize]) -> Option<usize> {
    let ServerSource::BuiltIn { model, flags } = &server.source else {
        return None;
    };
    let words = ["loadgen", "serve", model].into_iter();
    let line = Cli::try_parse_from(words.chain(flags.iter().map(String::as_str)));
    let Some(Command::Serve(serve)) = line.ok()?.command else {
        return None;
    };
    let config = match serve.server {
        Serve::AsyncBare(args) => args.config(Model::Bare),
        Serve::Async(args) => args.config(Model::Axum),
        Serve::Sync(_) | Serve::SyncPool(_) | Serve::Scripted(_) | Serve::Waits(_) => return None,
    };
    let given = flags
        .iter()
        .any(|flag| flag.starts_with("--worker-threads"));
    let as_many_as_cpus = config.flavor == Flavor::MultiThread && !given && !cpus.is_empty();
    Some(if as_many_as_cpus {
        cpus.len()
    } else {
        config.worker_threads
    })
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

fn request(class: &Class) -> Request {
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

/// Asks once for each class of answer and compares it whole, before anything is measured.
///
/// # Errors
/// When the server does not answer, or not what the contract says: with both.
pub fn verify(arm: &Arm, work: &Work, timeout: Duration) -> anyhow::Result<()> {
    match work {
        Work::Contract(workload) => {
            let mut classes = workload.classes().iter();
            classes.try_for_each(|class| check_class(arm, class, timeout))
        }
        Work::Custom(request) => {
            let answer = ask(arm, request, timeout)?;
            if !(200..300).contains(&answer.status) {
                bail!(
                    "{} answered {} {} with status {}: only 2xx can be measured",
                    arm.label,
                    request.method,
                    request.path,
                    answer.status
                );
            }
            Ok(())
        }
    }
}

/// Asks once and compares the answer with what the contract says.
///
/// # Errors
/// When there is none, or another one: with both.
pub fn check_class(arm: &Arm, class: &Class, timeout: Duration) -> anyhow::Result<()> {
    let answer = ask(arm, &request(class), timeout)?;
    class
        .check(answer.status, answer.header("content-type"), &answer.body)
        .with_context(|| {
            format!(
                "{} answers {} {} wrongly",
                arm.label, class.request.method, class.request.target
            )
        })
}

fn ask(arm: &Arm, request: &Request, timeout: Duration) -> anyhow::Result<engine::Answer> {
    engine::fetch(&arm.base_url, request, timeout).with_context(|| {
        format!(
            "{} does not answer {} {}",
            arm.label, request.method, request.path
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn worker_threads_are_those_of_the_async_servers() {
        let workers = |servers: &[&str], cpus: &[usize]| {
            let specs: Vec<ServerSpec> = servers
                .iter()
                .map(|text| ServerSpec::parse(text).unwrap())
                .collect();
            worker_threads(&specs, cpus)
        };
        let cores = counters::available_cores();
        assert_eq!(workers(&["sync", "async"], &[]), cores);
        assert_eq!(workers(&["sync", "async --worker-threads 7"], &[]), 7);
        assert_eq!(workers(&["few=async-bare --worker-threads=3"], &[]), 3);
        assert_eq!(workers(&["async --flavor current-thread"], &[]), 1);
        let differing = [
            "async --worker-threads 5",
            "one=async --flavor current-thread",
        ];
        assert_eq!(workers(&differing, &[]), 5);
        assert_eq!(workers(&["async"], &[0, 1, 2]), 3);
        assert_eq!(workers(&["async --worker-threads 7"], &[0]), 7);
        assert_eq!(workers(&["sync"], &[0]), cores);
    }
}
