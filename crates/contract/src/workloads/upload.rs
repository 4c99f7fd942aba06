//! `POST /upload`: a body that is hashed while it arrives, or stored first.

use std::fmt::Write;

use serde::Serialize;
use sha2::{Digest, Sha256};

use crate::{
    Answer, Class, Definition, Expectation, Scenario,
    answer::BYTES,
    definition::{Lacking, Mode, Request},
    params::{Choice, ParamError, Query},
};

const MIB: usize = 1024 * 1024;

/// When the body is hashed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handling {
    /// While it arrives.
    Stream,
    /// When all of it is there.
    Whole,
}

impl Choice for Handling {
    const ALL: &'static [(&'static str, Self)] =
        &[("stream", Self::Stream), ("whole", Self::Whole)];
}

/// Reads the query.
///
/// # Errors
///
/// [`ParamError`] for what can't be taken.
pub fn parse(query: &str) -> Result<Handling, ParamError> {
    Query::new(query, &["mode"])?.choice("mode")
}

/// What was received so far.
#[derive(Debug, Clone, Default)]
pub struct Received {
    bytes: u64,
    hash: Sha256,
}

#[derive(Serialize)]
struct Upload {
    bytes: u64,
    sha256: String,
}

impl Received {
    /// Takes the next bytes.
    pub fn take(&mut self, bytes: &[u8]) {
        self.bytes += bytes.len() as u64;
        self.hash.update(bytes);
    }

    /// The answer, when all is received.
    pub fn answer(self) -> Answer {
        let mut sha256 = String::with_capacity(64);
        for byte in self.hash.finalize() {
            // Writing to a string never fails.
            let _ = write!(sha256, "{byte:02x}");
        }
        Answer::json(&Upload {
            bytes: self.bytes,
            sha256,
        })
    }
}

fn classes(mode: &Mode, parameters: &str) -> Result<Vec<Class>, ParamError> {
    let query = mode.query_with(parameters);
    parse(&query)?;
    let mib = if mode.name.ends_with("-64") { 64 } else { 1 };
    let body: Vec<u8> = (0..mib * MIB).map(|at| (at % 251) as u8).collect();
    let mut received = Received::default();
    received.take(&body);
    Ok(vec![Class {
        name: "upload",
        share_percent: 100,
        request: Request {
            method: "POST",
            fields: vec![("content-type", BYTES.to_owned())],
            body,
            ..Request::get(mode.path, &query)
        },
        expectation: Expectation::from(received.answer()),
    }])
}

pub(crate) const DEFINITION: Definition = Definition {
    name: "upload",
    summary: "bodies of 1 and 64 MiB, hashed while they arrive or stored first: memory",
    modes: &[
        Mode {
            name: "stream",
            summary: "1 MiB, hashed while it arrives",
            path: "/upload",
            query: "mode=stream",
        },
        Mode {
            name: "whole",
            summary: "1 MiB, stored first",
            path: "/upload",
            query: "mode=whole",
        },
        Mode {
            name: "stream-64",
            summary: "64 MiB, hashed while it arrives",
            path: "/upload",
            query: "mode=stream",
        },
        Mode {
            name: "whole-64",
            summary: "64 MiB, stored first",
            path: "/upload",
            query: "mode=whole",
        },
    ],
    scenario: Scenario::Plain,
    lacking: &[Lacking::IN_ASYNC_BARE],
    classes,
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_as_the_contract_says() {
        let mut received = Received::default();
        received.take(b"a");
        received.take(b"bc");
        // The example of FIPS 180-2.
        assert_eq!(
            String::from_utf8_lossy(&received.answer().body),
            r#"{"bytes":3,"sha256":"ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"}"#
        );
    }
}
