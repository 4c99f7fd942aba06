//! What a command line asks for: which servers, and of them what.

use std::io::Read as _;

use anyhow::{Context as _, bail};
use bytes::Bytes;
use engine::{ExpectStatus, Request};

use crate::args::run::RunArgs;
use bench::server_spec::ServerSpec;
use bench::url;
use bench::values;
use bench::work::{OwnRequest, Work};

/// Bytes of a request's body at most: all of it is kept, and sent from there.
const LARGEST_BODY: u64 = 256 << 20;

pub(super) fn servers(args: &RunArgs) -> anyhow::Result<Vec<ServerSpec>> {
    if let Some(url) = &args.url {
        return Ok(vec![ServerSpec::parse(url)?]);
    }
    if args.servers.server.is_empty() {
        return servers::DEFAULT
            .iter()
            .map(|name| ServerSpec::parse(name))
            .collect();
    }
    args.servers
        .server
        .iter()
        .map(|text| ServerSpec::parse(text))
        .collect()
}

/// A workload of the contract, unless a URL, a flag of a request, or servers that are all the user's own say otherwise.
pub(super) fn work(args: &RunArgs, servers: &[ServerSpec]) -> anyhow::Result<Work> {
    let has_path = servers.iter().any(|server| server.path.is_some());
    let all_are_foreign = servers.iter().all(ServerSpec::is_foreign);
    let said = [
        (args.url.is_some(), "a URL"),
        (has_path, "a server with a path"),
        (args.servers.path.is_some(), "--path"),
        (args.servers.method.is_some(), "--method"),
        (!args.servers.header.is_empty(), "--header"),
        (args.servers.body.is_some(), "--body"),
        (args.servers.expect.is_some(), "--expect"),
        (args.servers.verify.is_some(), "--verify"),
    ];
    let said = said.iter().find(|(said, _)| *said).map(|(_, what)| what);
    match (&args.servers.workload, said) {
        (Some(workload), Some(what)) => bail!(
            "--workload {workload} and {what} exclude each other: the requests of a workload are fixed"
        ),
        (Some(workload), None) => Ok(Work::Contract(workload.parse()?)),
        (None, None) if !all_are_foreign => Ok(Work::Contract(DEFAULT_WORKLOAD.parse()?)),
        (None, _) => own_request(args).map(|own| Work::Own(Box::new(own))),
    }
}

/// What is asked for where nothing is said.
const DEFAULT_WORKLOAD: &str = "hello";

fn own_request(args: &RunArgs) -> anyhow::Result<OwnRequest> {
    let body = args.servers.body.as_deref().map(body).transpose()?;
    let url = args.url.as_deref().map(url::split).transpose()?;
    Ok(OwnRequest {
        request: Request {
            method: match &args.servers.method {
                Some(method) => method.clone(),
                None => values::default_method(body.is_some()).to_owned(),
            },
            path: args
                .servers
                .path
                .clone()
                .or(url.map(|url| url.path))
                .unwrap_or_else(|| "/".to_owned()),
            headers: args.servers.header.clone(),
            body: body.unwrap_or_default(),
        },
        statuses: args.servers.expect.unwrap_or(ExpectStatus::Any2xx),
        verify: args.servers.verify.unwrap_or_default(),
        agreed: None,
    })
}

/// A body as it was typed, that of a file (`@FILE`), or what standard input has (`@-`).
fn body(text: &str) -> anyhow::Result<Bytes> {
    let Some(path) = text.strip_prefix('@') else {
        return Ok(Bytes::copy_from_slice(text.as_bytes()));
    };
    let mut bytes = Vec::new();
    let read = match path {
        "-" => std::io::stdin()
            .take(LARGEST_BODY + 1)
            .read_to_end(&mut bytes),
        path => std::fs::File::open(path)
            .and_then(|file| file.take(LARGEST_BODY + 1).read_to_end(&mut bytes)),
    };
    read.with_context(|| format!("--body: cannot read {path}"))?;
    if bytes.len() as u64 > LARGEST_BODY {
        bail!(
            "--body: {path} has more than {} MiB, which is the most that is sent",
            LARGEST_BODY >> 20
        );
    }
    Ok(bytes.into())
}
