//! `GET /work`: waiting, computing and sending, as much of each as one likes.

use std::{hint::black_box, time::Duration};

use crate::{
    Answer, Definition, Expectation, Shape,
    answer::TEXT,
    catalogue::Mode,
    kernel,
    params::{ParamError, Query},
};

/// How much of each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Params {
    /// How long to wait, in milliseconds; up to a minute.
    pub wait_ms: u64,
    /// How much to compute afterwards, in units of the kernel; up to a second.
    pub cpu_units: u64,
    /// How much to answer, in bytes; up to 10 MiB.
    pub bytes: u64,
}

impl Params {
    /// Reads the query.
    ///
    /// # Errors
    ///
    /// [`ParamError`] for what can't be taken.
    pub fn parse(query: &str) -> Result<Self, ParamError> {
        let query = Query::new(query, &["wait_ms", "cpu_units", "bytes"])?;
        Ok(Self {
            wait_ms: query.number("wait_ms", 0, 0..=60_000)?,
            cpu_units: query.number("cpu_units", 0, 0..=1_000_000)?,
            bytes: query.number("bytes", 0, 0..=10 * 1024 * 1024)?,
        })
    }

    /// How long to wait, if at all.
    pub fn wait(self) -> Option<Duration> {
        (self.wait_ms > 0).then(|| Duration::from_millis(self.wait_ms))
    }

    /// Computes. The result is not part of this answer.
    pub fn compute(self) {
        if self.cpu_units > 0 {
            black_box(kernel::compute(self.cpu_units));
        }
    }

    /// The answer, after waiting and computing.
    pub fn answer(self) -> Answer {
        // `parse` let no more than 10 MiB pass.
        let bytes = usize::try_from(self.bytes).unwrap_or_default();
        Answer::ok(TEXT, vec![b'x'; bytes])
    }
}

pub(crate) const DEFINITION: Definition = Definition {
    name: "work",
    summary: "waiting, computing and sending in any mixture: where the answer flips",
    modes: &[Mode::only("/work")],
    shape: Shape::Plain,
    lacking: &[],
    classes: |mode, parameters| {
        mode.get("work", parameters, |query| {
            let params = Params::parse(query)?;
            let wait = params.wait().unwrap_or_default();
            Ok(Expectation::from(params.answer()).after(wait))
        })
    },
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn takes_what_is_in_range() {
        let params = Params::parse("wait_ms=60000&cpu_units=2&bytes=3").unwrap();
        assert_eq!(params.wait(), Some(Duration::from_secs(60)));
        assert_eq!(
            (params.cpu_units, &params.answer().body[..]),
            (2, &b"xxx"[..])
        );
        assert_eq!(Params::parse("").unwrap().wait(), None);
        for query in [
            "wait_ms=60001",
            "cpu_units=1000001",
            "bytes=10485761",
            "wait=1",
        ] {
            assert!(Params::parse(query).is_err(), "{query}");
        }
    }
}
