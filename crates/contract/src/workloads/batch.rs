//! `POST /batch`: records as lines of JSON. Bad ones are reported with their line, good ones kept;
//! each of those may need a look-up that takes a while.

use std::{fmt::Write, time::Duration};

use serde::{Deserialize, Serialize};

use super::Composition;
use crate::{
    Answer, Class, Definition, Expectation, Scenario,
    answer::shown,
    definition::{Lacking, Mode, Request},
    params::{ParamError, Query},
};

/// The content type of lines of JSON.
pub const NDJSON: &str = "application/x-ndjson";

/// Look-ups at once in the concurrent mode.
pub const WINDOW: usize = 32;

/// The longest line, in bytes; what is longer is no record.
const MAX_LINE: usize = 64 * 1024;

/// Errors that are listed; the rest is only counted.
const MAX_LISTED: usize = 100;

/// How records are looked up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Params {
    lookup_ms: u64,
    /// One after another, or [`WINDOW`] at once.
    pub mode: Composition,
}

impl Params {
    /// Reads the query.
    ///
    /// # Errors
    ///
    /// [`ParamError`] for what can't be taken.
    pub fn parse(query: &str) -> Result<Self, ParamError> {
        let query = Query::new(query, &["lookup_ms", "mode"])?;
        Ok(Self {
            lookup_ms: query.number("lookup_ms", 0, 0..=1000)?,
            mode: query.choice("mode")?,
        })
    }

    /// How long looking up a record takes, if it is to be looked up.
    pub fn lookup(self) -> Option<Duration> {
        (self.lookup_ms > 0).then(|| Duration::from_millis(self.lookup_ms))
    }
}

/// 415 for a body that says it is something else.
///
/// # Errors
///
/// The answer.
pub fn check_type(content_type: Option<&str>) -> Result<(), Answer> {
    let Some(given) = content_type else {
        return Ok(());
    };
    let essence = given.split(';').next().unwrap_or_default().trim();
    if essence.eq_ignore_ascii_case(NDJSON) {
        return Ok(());
    }
    let message = format!("content-type is `{}`; allowed: {NDJSON}", shown(given));
    Err(Answer::error(415, &message))
}

#[derive(Deserialize)]
struct Record {
    #[serde(rename = "id")]
    _id: u64,
    value: i32,
}

#[derive(Debug, Clone, Serialize)]
struct Invalid {
    line: u64,
    error: String,
}

/// What was read so far.
#[derive(Debug, Clone, Default)]
pub struct Batch {
    /// The line that is not complete yet, as far as it may be long.
    partial: Vec<u8>,
    line_bytes: usize,
    line: u64,
    records: u64,
    valid: u64,
    invalid: Vec<Invalid>,
    invalid_total: u64,
    sum: i64,
}

#[derive(Serialize)]
struct Report<'a> {
    records: u64,
    valid: u64,
    invalid: &'a [Invalid],
    #[serde(skip_serializing_if = "Option::is_none")]
    invalid_total: Option<u64>,
    sum: i64,
}

impl Batch {
    /// Takes the next bytes; returns how many good records were completed by them.
    pub fn take(&mut self, bytes: &[u8]) -> u64 {
        let before = self.valid;
        let mut lines = bytes.split(|&byte| byte == b'\n');
        // What stands behind the last line end is the start of a line.
        let rest = lines.next_back().unwrap_or_default();
        for line in lines {
            self.extend(line);
            self.end_line();
        }
        self.extend(rest);
        self.valid - before
    }

    /// Takes a last line without an end; returns how many good records were completed by it.
    pub fn end(&mut self) -> u64 {
        let before = self.valid;
        self.end_line();
        self.valid - before
    }

    /// The answer, when all is read and looked up.
    pub fn answer(&self) -> Answer {
        let unlisted = self.invalid_total > self.invalid.len() as u64;
        Answer::json(&Report {
            records: self.records,
            valid: self.valid,
            invalid: &self.invalid,
            invalid_total: unlisted.then_some(self.invalid_total),
            sum: self.sum,
        })
    }

    fn extend(&mut self, bytes: &[u8]) {
        self.line_bytes += bytes.len();
        let room = (MAX_LINE + 1).saturating_sub(self.partial.len());
        self.partial
            .extend_from_slice(&bytes[..bytes.len().min(room)]);
    }

    fn end_line(&mut self) {
        self.line += 1;
        let line_bytes = std::mem::take(&mut self.line_bytes);
        let line = self.partial.trim_ascii();
        if line.is_empty() && line_bytes <= MAX_LINE {
            self.partial.clear();
            return;
        }
        self.records += 1;
        let record = if line_bytes > MAX_LINE {
            Err(format!("longer than {MAX_LINE} bytes"))
        } else {
            serde_json::from_slice::<Record>(line).map_err(|error| error.to_string())
        };
        self.partial.clear();
        match record {
            Ok(record) => {
                self.valid += 1;
                self.sum += i64::from(record.value);
            }
            Err(error) => {
                self.invalid_total += 1;
                if self.invalid.len() < MAX_LISTED {
                    let line = self.line;
                    self.invalid.push(Invalid { line, error });
                }
            }
        }
    }
}

/// A thousand records, three of them bad.
fn body() -> Vec<u8> {
    let mut lines = String::new();
    for id in 1..=1000 {
        // Writing to a string never fails.
        let _ = match id {
            100 => writeln!(lines, "not a record"),
            500 => writeln!(lines, "{{\"id\":{id}}}"),
            900 => writeln!(lines, "{{\"id\":{id},\"value\":\"x\"}}"),
            _ => writeln!(lines, "{{\"id\":{id},\"value\":{}}}", id * 7 % 1000 - 300),
        };
    }
    lines.into_bytes()
}

fn classes(mode: &Mode, parameters: &str) -> Result<Vec<Class>, ParamError> {
    let query = mode.query_with(parameters);
    Params::parse(&query)?;
    let body = body();
    let mut batch = Batch::default();
    batch.take(&body);
    batch.end();
    Ok(vec![Class {
        name: "batch",
        share_percent: 100,
        request: Request {
            method: "POST",
            fields: vec![("content-type", NDJSON.to_owned())],
            body,
            ..Request::get(mode.path, &query)
        },
        expectation: Expectation::from(batch.answer()),
    }])
}

pub(crate) const DEFINITION: Definition = Definition {
    name: "batch",
    summary: "1000 records checked as they arrive; with ?lookup_ms=1 each is looked up",
    modes: &[
        Mode {
            name: "sequential",
            summary: "one look-up after another",
            path: "/batch",
            query: "mode=sequential",
        },
        Mode {
            name: "concurrent",
            summary: "32 look-ups at once",
            path: "/batch",
            query: "mode=concurrent",
        },
    ],
    scenario: Scenario::Plain,
    lacking: &[Lacking::IN_ASYNC_BARE],
    classes,
};

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn read(text: &[u8]) -> String {
        let mut batch = Batch::default();
        batch.take(text);
        batch.end();
        String::from_utf8_lossy(&batch.answer().body).into_owned()
    }

    #[test]
    fn bad_records_are_reported_and_good_ones_kept() {
        assert_eq!(read(b""), r#"{"records":0,"valid":0,"invalid":[],"sum":0}"#);
        assert_eq!(
            read(b"{\"id\":1,\"value\":-2}\r\n\n{\"id\":2}\n{\"id\":3,\"value\":5}"),
            r#"{"records":3,"valid":2,"invalid":[{"line":3,"error":"missing field `value` at line 1 column 8"}],"sum":3}"#
        );
    }

    #[test]
    fn at_most_a_hundred_errors_are_listed() {
        let report = read("x\n".repeat(150).as_bytes());
        assert!(
            report.ends_with(r#"],"invalid_total":150,"sum":0}"#),
            "{report}"
        );
        assert_eq!(report.matches("\"line\":").count(), 100);
    }

    #[test]
    fn a_line_without_end_takes_no_memory_without_end() {
        let mut batch = Batch::default();
        for _ in 0..100 {
            batch.take(&[b' '; 10_000]);
        }
        assert!(batch.partial.len() <= MAX_LINE + 1);
        batch.take(b"\n");
        let report = String::from_utf8_lossy(&batch.answer().body).into_owned();
        assert!(report.contains("longer than 65536 bytes"), "{report}");
    }

    #[test]
    fn the_type_of_the_body_is_checked() {
        for good in [
            None,
            Some(NDJSON),
            Some("Application/X-NDJSON; charset=utf-8"),
        ] {
            assert!(check_type(good).is_ok(), "{good:?}");
        }
        assert_eq!(
            check_type(Some("application/json")).unwrap_err().status,
            415
        );
    }

    proptest! {
        #[test]
        fn the_result_is_the_same_however_it_arrives(cut in 0usize..30_000) {
            let body = body();
            let (first, second) = body.split_at(cut.min(body.len()));
            let mut batch = Batch::default();
            let valid = batch.take(first) + batch.take(second) + batch.end();
            prop_assert_eq!(valid, 997);
            let report = batch.answer().body;
            prop_assert_eq!(String::from_utf8_lossy(&report), read(&body));
        }
    }
}
