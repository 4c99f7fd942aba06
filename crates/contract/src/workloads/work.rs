//! `GET /work`: waiting, computing and sending, as much of each as one likes.

use std::{hint::black_box, sync::OnceLock, time::Duration};

use crate::{
    Answer, Definition, Expectation, Scenario,
    answer::TEXT,
    definition::Mode,
    kernel,
    params::{ParamError, Query},
};

/// The longest answer, in bytes.
const MOST_BYTES: usize = 10 * 1024 * 1024;

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
            bytes: query.number("bytes", 0, 0..=MOST_BYTES as u64)?,
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
        Answer::ok(TEXT, shared(bytes))
    }
}

/// So many times `x`, in bytes that all answers share: one that nobody reads keeps no memory of its own. They are made
/// once for each power of two that is asked for.
fn shared(bytes: usize) -> &'static [u8] {
    const POWERS: usize = MOST_BYTES.next_power_of_two().trailing_zeros() as usize + 1;
    static MADE: [OnceLock<Vec<u8>>; POWERS] = [const { OnceLock::new() }; POWERS];
    let length = bytes.next_power_of_two();
    let made = &MADE[length.trailing_zeros() as usize];
    let made = made.get_or_init(|| vec![b'x'; length.min(MOST_BYTES)]);
    &made[..bytes]
}

pub(crate) const DEFINITION: Definition = Definition {
    name: "work",
    summary: "waiting, computing and sending in any mixture: where the answer flips",
    modes: &[Mode::only("/work")],
    scenario: Scenario::Plain,
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
    use std::borrow::Cow;

    use super::*;

    #[test]
    fn answers_share_their_bytes() {
        for bytes in [0, 1, 2, 3, 1024, 1025, MOST_BYTES - 1, MOST_BYTES] {
            let params = Params::parse(&format!("bytes={bytes}")).unwrap();
            let (Cow::Borrowed(one), Cow::Borrowed(other)) =
                (params.answer().body, params.answer().body)
            else {
                panic!("{bytes} bytes of its own");
            };
            assert_eq!((one.len(), one.as_ptr()), (bytes, other.as_ptr()));
            assert!(one.iter().all(|&byte| byte == b'x'));
        }
    }

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
