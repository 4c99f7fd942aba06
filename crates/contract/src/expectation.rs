//! What must come back, and what to say when it does not.

use std::{borrow::Cow, ops::RangeInclusive, time::Duration};

use crate::{Answer, answer::shown};

/// A time in milliseconds that no server takes longer than, or something is wrong with it.
pub(crate) const LONGEST_MS: f64 = 600_000.0;

/// The answer that a request must get.
#[derive(Debug, Clone, PartialEq)]
pub struct Expectation {
    /// The status code.
    pub status: u16,
    /// The value of `content-type`.
    pub content_type: &'static str,
    /// How long the answer takes at least, because the handler waits.
    pub wait: Duration,
    body: Cow<'static, [u8]>,
    times: Vec<Time>,
}

/// A field of a JSON body that holds a time: it differs from answer to answer.
#[derive(Debug, Clone, PartialEq)]
struct Time {
    field: &'static str,
    plausible: RangeInclusive<f64>,
}

/// An answer other than the one expected.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("wrong {what}: expected {expected}, got {got}")]
pub struct Mismatch {
    /// What differs: `status`, `content-type`, `body`, or a body's field.
    pub what: &'static str,
    /// What the contract says.
    pub expected: String,
    /// What the server said.
    pub got: String,
}

impl From<Answer> for Expectation {
    fn from(answer: Answer) -> Self {
        Self {
            status: answer.status,
            content_type: answer.content_type,
            wait: Duration::ZERO,
            body: answer.body,
            times: Vec::new(),
        }
    }
}

impl Expectation {
    /// The same, but `field` holds a time that may be anything plausible, in its own unit.
    #[must_use]
    pub fn with_time(mut self, field: &'static str, plausible: RangeInclusive<f64>) -> Self {
        self.times.push(Time { field, plausible });
        self
    }

    /// The same, but the answer takes at least so long.
    #[must_use]
    pub fn after(self, wait: Duration) -> Self {
        Self { wait, ..self }
    }

    /// The body, if all answers have the same: then it can be compared byte for byte.
    pub fn constant_body(&self) -> Option<&[u8]> {
        self.times.is_empty().then_some(&*self.body)
    }

    /// Checks an answer. `content_type` is what the server sent, if it did.
    ///
    /// # Errors
    ///
    /// [`Mismatch`] for the first difference.
    pub fn check(
        &self,
        status: u16,
        content_type: Option<&str>,
        body: &[u8],
    ) -> Result<(), Mismatch> {
        if status != self.status {
            return Err(Mismatch {
                what: "status",
                expected: self.status.to_string(),
                got: format!("{status} with body {}", excerpt(body, 0)),
            });
        }
        if !content_type.is_some_and(|got| same_media_type(got, self.content_type)) {
            return Err(Mismatch {
                what: "content-type",
                expected: self.content_type.to_owned(),
                got: content_type.map_or("none".to_owned(), |it| shown(it).into_owned()),
            });
        }
        self.check_body(body)
    }

    fn check_body(&self, body: &[u8]) -> Result<(), Mismatch> {
        let mut expected = self.body.clone();
        let mut got = Cow::Borrowed(body);
        for time in &self.times {
            let (masked, value) = masked(&got, time.field);
            if let Some(value) = value
                && !time.plausible.contains(&value)
            {
                return Err(Mismatch {
                    what: time.field,
                    expected: format!("{} to {}", time.plausible.start(), time.plausible.end()),
                    got: value.to_string(),
                });
            }
            got = Cow::Owned(masked);
            expected = Cow::Owned(self::masked(&expected, time.field).0);
        }
        if expected == got {
            return Ok(());
        }
        let differs = expected
            .iter()
            .zip(got.iter())
            .take_while(|(a, b)| a == b)
            .count();
        Err(Mismatch {
            what: "body",
            expected: excerpt(&expected, differs),
            got: excerpt(&got, differs),
        })
    }
}

/// Whether two media types are equal but for the optional blanks around `;` (RFC 9110, section 5.6.6), which Tomcat, for
/// one, strikes out, and for the case of type and charset (section 8.3.1), which Deno and Helidon write in capitals.
#[must_use]
pub fn same_media_type(a: &str, b: &str) -> bool {
    let parts = |it: &str| -> Vec<String> {
        let parts = it.split(';').map(str::trim);
        parts.map(without_case).collect()
    };
    a == b || parts(a) == parts(b)
}

/// A type or a charset in small letters; the case of other parameters' values may matter.
fn without_case(part: &str) -> String {
    match part.split_once('=') {
        Some((name, value)) if !name.eq_ignore_ascii_case("charset") => {
            format!("{}={value}", name.to_ascii_lowercase())
        }
        _ => part.to_ascii_lowercase(),
    }
}

/// The body with the number behind `"field":` replaced by `*`, and that number.
fn masked(body: &[u8], field: &str) -> (Vec<u8>, Option<f64>) {
    let unchanged = (body.to_vec(), None);
    let Ok(text) = std::str::from_utf8(body) else {
        return unchanged;
    };
    let key = format!("\"{field}\":");
    let Some((before, rest)) = text.split_once(&key) else {
        return unchanged;
    };
    let end = rest.find([',', '}']).unwrap_or(rest.len());
    let (number, after) = rest.split_at(end);
    match number.parse::<f64>() {
        Ok(value) => (format!("{before}{key}*{after}").into_bytes(), Some(value)),
        Err(_) => unchanged,
    }
}

/// A part of a body around the place where it differs, with its length.
fn excerpt(body: &[u8], differs: usize) -> String {
    const AROUND: usize = 200;
    let start = differs.saturating_sub(AROUND / 4);
    let end = body.len().min(start + AROUND);
    let text = String::from_utf8_lossy(&body[start.min(end)..end]);
    let whole = start == 0 && end == body.len();
    if whole {
        format!("{text:?}")
    } else {
        format!("{text:?} (bytes {start} to {end} of {})", body.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn timed() -> Expectation {
        let answer = Answer::ok(
            crate::answer::JSON,
            &b"{\"total_time_ms\":0,\"mode\":\"x\"}"[..],
        );
        Expectation::from(answer).with_time("total_time_ms", 300.0..=LONGEST_MS)
    }

    fn check(body: &str) -> Result<(), String> {
        let checked = timed().check(200, Some("application/json"), body.as_bytes());
        checked.map_err(|mismatch| mismatch.to_string())
    }

    #[test]
    fn a_time_may_be_anything_plausible() {
        assert_eq!(check(r#"{"total_time_ms":300,"mode":"x"}"#), Ok(()));
        assert_eq!(check(r#"{"total_time_ms":301.5,"mode":"x"}"#), Ok(()));
        assert_eq!(
            check(r#"{"total_time_ms":299,"mode":"x"}"#).unwrap_err(),
            "wrong total_time_ms: expected 300 to 600000, got 299"
        );
    }

    #[test]
    fn all_else_must_be_exact() {
        for body in [
            r#"{"total_time_ms":300,"mode":"y"}"#,
            r#"{"total_time_ms":"a","mode":"x"}"#,
            r#"{"total_time_ms":300, "mode":"x"}"#,
            r#"{"mode":"x","total_time_ms":300}"#,
            "",
        ] {
            assert!(check(body).is_err(), "{body}");
        }
        assert!(timed().constant_body().is_none());
    }

    #[test]
    fn blanks_and_case_in_a_content_type_do_not_matter() {
        let expectation = Expectation::from(Answer::ok(crate::answer::TEXT, &b"x"[..]));
        let check = |content_type| expectation.check(200, Some(content_type), b"x");
        assert_eq!(check("text/plain;charset=utf-8"), Ok(()));
        assert_eq!(check("Text/Plain;charset=UTF-8"), Ok(()));
        assert!(check("text/plain").is_err());
        assert!(check("text/plain; charset=latin1").is_err());
    }

    #[test]
    fn says_what_was_expected_and_what_came() {
        let expectation = Expectation::from(Answer::ok(crate::answer::TEXT, &b"Hello World"[..]));
        assert_eq!(expectation.constant_body(), Some(&b"Hello World"[..]));
        let check = |status, content_type, body: &[u8]| {
            expectation
                .check(status, content_type, body)
                .unwrap_err()
                .to_string()
        };
        assert_eq!(
            check(200, Some(crate::answer::TEXT), b"Hello World\n"),
            "wrong body: expected \"Hello World\", got \"Hello World\\n\""
        );
        assert_eq!(
            check(500, None, b"oops"),
            "wrong status: expected 200, got 500 with body \"oops\""
        );
        assert_eq!(
            check(200, None, b"Hello World"),
            "wrong content-type: expected text/plain; charset=utf-8, got none"
        );
        let long = check(200, Some(crate::answer::TEXT), &[b'x'; 1000]);
        assert!(long.ends_with("(bytes 0 to 200 of 1000)"), "{long}");
    }
}
