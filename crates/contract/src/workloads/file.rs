//! `GET /file`: a part of a file that the operating system has in memory.

use std::sync::LazyLock;

use crate::{
    Answer, Definition, Expectation, Scenario,
    answer::BYTES,
    definition::Mode,
    params::{Choice, ParamError, Query},
};

/// How large the file is, in KiB.
const MAX_KIB: u64 = 1024;

/// How it is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reading {
    /// As is usual for the server.
    Idiomatic,
    /// By a call that blocks, in the handler. For a blocking server that is the usual way.
    Blocking,
}

impl Choice for Reading {
    const ALL: &'static [(&'static str, Self)] =
        &[("idiomatic", Self::Idiomatic), ("blocking", Self::Blocking)];
}

/// How much, and how.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Params {
    kib: u64,
    /// How it is read.
    pub mode: Reading,
}

impl Params {
    /// Reads the query.
    ///
    /// # Errors
    ///
    /// [`ParamError`] for what can't be taken.
    pub fn parse(query: &str) -> Result<Self, ParamError> {
        let query = Query::new(query, &["kib", "mode"])?;
        Ok(Self {
            kib: query.number("kib", 4, 1..=MAX_KIB)?,
            mode: query.choice("mode")?,
        })
    }

    /// How much to read from the file's start, in bytes.
    pub fn bytes(self) -> usize {
        // `parse` let no more than 1 MiB pass.
        usize::try_from(self.kib * 1024).unwrap_or_default()
    }
}

/// What the file holds: a pattern whose period is no power of two.
pub fn content() -> &'static [u8] {
    static CONTENT: LazyLock<Vec<u8>> =
        LazyLock::new(|| (0..MAX_KIB * 1024).map(|at| (at % 251) as u8).collect());
    &CONTENT
}

/// The answer, when `bytes` were read.
pub fn answer(bytes: Vec<u8>) -> Answer {
    Answer::ok(BYTES, bytes)
}

/// 500 when the file can't be read.
pub fn unreadable(error: &std::io::Error) -> Answer {
    Answer::error(500, &format!("the file can't be read: {error}"))
}

fn expectation(query: &str) -> Result<Expectation, ParamError> {
    let params = Params::parse(query)?;
    Ok(Expectation::from(answer(
        content()[..params.bytes()].to_vec(),
    )))
}

pub(crate) const DEFINITION: Definition = Definition {
    name: "file",
    summary: "a part of a file that is in memory already: is async file I/O faster?",
    modes: &[
        Mode {
            name: "idiomatic",
            summary: "by std::fs, by tokio::fs",
            path: "/file",
            query: "mode=idiomatic",
        },
        Mode {
            name: "blocking",
            summary: "by std::fs in the handler",
            path: "/file",
            query: "mode=blocking",
        },
    ],
    scenario: Scenario::Plain,
    lacking: &[],
    classes: |mode, parameters| mode.get("file", parameters, expectation),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_has_its_pattern() {
        assert_eq!(content().len(), 1024 * 1024);
        assert_eq!(content()[249..253], [249, 250, 0, 1]);
        assert!(Params::parse("kib=1024").is_ok());
        assert!(Params::parse("kib=1025").is_err());
        assert!(Params::parse("kib=0").is_err());
    }
}
