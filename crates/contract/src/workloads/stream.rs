//! `GET /stream`: lines that become due one after another.

use std::{sync::LazyLock, time::Duration};

use crate::{
    Answer, Definition, Expectation, Scenario,
    answer::TEXT,
    definition::Mode,
    params::{Choice, ParamError, Query},
};

/// Between one line and the next: 100 µs of work and a gap of 1 ms in the article. Servers keep to
/// the due times instead of sleeping in between, since naive sleeps differ by timer rounding alone.
const INTERVAL: Duration = Duration::from_micros(1_100);

/// The most lines.
const MOST_LINES: u32 = 10_000;

/// When lines are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Buffer {
    /// Each when it is due, in a chunk of its own.
    Line,
    /// All together when the last one is due.
    Whole,
}

impl Choice for Buffer {
    const ALL: &'static [(&'static str, Self)] = &[("line", Self::Line), ("whole", Self::Whole)];
}

/// How many lines, and when they are sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Params {
    /// How many.
    pub chunks: u32,
    /// When.
    pub buffer: Buffer,
}

impl Params {
    /// Reads the query.
    ///
    /// # Errors
    ///
    /// [`ParamError`] for what can't be taken.
    pub fn parse(query: &str) -> Result<Self, ParamError> {
        let query = Query::new(query, &["chunks", "buffer"])?;
        let chunks = query.number("chunks", 1000, 1..=u64::from(MOST_LINES))?;
        Ok(Self {
            // No more than there may be, as was just checked.
            chunks: u32::try_from(chunks).unwrap_or_default(),
            buffer: query.choice("buffer")?,
        })
    }

    /// When the last line is due, after the first.
    pub fn last_due(self) -> Duration {
        due(self.chunks - 1)
    }

    /// The answer that has all lines together.
    pub fn whole(self) -> Answer {
        Answer::ok(TEXT, first_lines(self.chunks))
    }
}

/// So many lines, in bytes that all answers share: one that nobody reads keeps no memory of its own.
fn first_lines(count: u32) -> &'static [u8] {
    static ALL: LazyLock<Vec<u8>> = LazyLock::new(|| (0..MOST_LINES).flat_map(line).collect());
    let digits = |index: u32| index.checked_ilog10().unwrap_or(0) as usize + 1;
    let shortest = line(0).len();
    let length = |index| shortest + 2 * (digits(index) - 1);
    &ALL[..(0..count).map(length).sum()]
}

/// Line `index`, its end included.
pub fn line(index: u32) -> Vec<u8> {
    format!("Chunk {index}: processed_data_{index}\n").into_bytes()
}

/// When line `index` is due, after the first.
pub fn due(index: u32) -> Duration {
    INTERVAL * index
}

fn expectation(query: &str) -> Result<Expectation, ParamError> {
    let params = Params::parse(query)?;
    Ok(Expectation::from(params.whole()).after(params.last_due()))
}

pub(crate) const DEFINITION: Definition = Definition {
    name: "stream",
    summary: "1000 lines, one every 1.1 ms: what an open stream costs, and how late lines are",
    modes: &[
        Mode {
            name: "line",
            summary: "each line when it is due",
            path: "/stream",
            query: "buffer=line",
        },
        Mode {
            name: "whole",
            summary: "all lines when the last is due",
            path: "/stream",
            query: "buffer=whole",
        },
    ],
    scenario: Scenario::Streamed,
    lacking: &[],
    classes: |mode, parameters| mode.get("stream", parameters, expectation),
};

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thousand_lines_have_29_780_bytes() {
        let params = Params::parse("").unwrap();
        let body = params.whole().body;
        assert_eq!(body.len(), 29_780);
        assert!(body.starts_with(b"Chunk 0: processed_data_0\nChunk 1: "));
        assert!(body.ends_with(b"\nChunk 999: processed_data_999\n"));
        assert_eq!(params.last_due(), Duration::from_micros(999 * 1_100));
    }

    #[test]
    fn any_number_of_lines_is_whole() {
        for count in [1, 2, 9, 10, 11, 99, 100, 101, 9_999, MOST_LINES] {
            let lines: Vec<u8> = (0..count).flat_map(line).collect();
            assert!(first_lines(count) == lines, "{count}");
        }
    }
}
