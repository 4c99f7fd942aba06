//! An answer in neutral terms; each server writes it in its own way.

use std::borrow::Cow;

use serde::Serialize;

/// The content type of text.
pub const TEXT: &str = "text/plain; charset=utf-8";
/// The content type of JSON.
pub const JSON: &str = "application/json";
/// The content type of bytes.
pub const BYTES: &str = "application/octet-stream";

/// An answer with a body of known length.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The value of `content-type`.
    pub content_type: &'static str,
    /// Further fields, names in lower case.
    pub fields: Vec<(&'static str, String)>,
    /// The body.
    pub body: Cow<'static, [u8]>,
    /// Whether the connection can't be used after it, because the request was not read to its end.
    pub close: bool,
}

#[derive(Serialize)]
struct ErrorBody<'a> {
    error: &'a str,
}

impl Answer {
    /// 200 with a body of any type.
    pub fn ok(content_type: &'static str, body: impl Into<Cow<'static, [u8]>>) -> Self {
        Self {
            status: 200,
            content_type,
            fields: Vec::new(),
            body: body.into(),
            close: false,
        }
    }

    /// 200 with `value` as JSON.
    pub fn json(value: &impl Serialize) -> Self {
        match serde_json::to_vec(value) {
            Ok(body) => Self::ok(JSON, body),
            Err(error) => Self::error(500, &format!("the answer can't be written: {error}")),
        }
    }

    /// `{"error":"…"}` with a status of 400 or more.
    pub fn error(status: u16, message: &str) -> Self {
        Self {
            status,
            ..Self::json(&ErrorBody { error: message })
        }
    }

    /// 404 for a path there is not.
    pub fn not_found(path: &str) -> Self {
        Self::error(404, &format!("no such path: {}", shown(path)))
    }

    /// 405 for a method that a path does not take; `allow` lists those it does.
    pub fn method_not_allowed(method: &str, path: &str, allow: &'static str) -> Self {
        let message = format!(
            "{} not allowed on {}; allowed: {allow}",
            shown(method),
            shown(path)
        );
        Self::error(405, &message).with("allow", allow.to_owned())
    }

    /// 200 for `OPTIONS *`: which methods there are at all.
    pub fn options() -> Self {
        Self::ok(TEXT, &b""[..]).with("allow", "GET,HEAD,POST".to_owned())
    }

    /// 413 for a body over `max_bytes`.
    pub fn too_large(max_bytes: u64) -> Self {
        let message = format!("the body is larger than the {max_bytes} bytes allowed");
        Self::error(413, &message).closing()
    }

    /// 503 for a connection over what the server can take, refused before its request is read.
    pub fn no_room(reason: &str) -> Self {
        Self::error(503, reason)
            .with("retry-after", "1".to_owned())
            .closing()
    }

    /// The same with one more field.
    #[must_use]
    pub fn with(mut self, name: &'static str, value: String) -> Self {
        self.fields.push((name, value));
        self
    }

    /// The same, after which the connection is closed.
    #[must_use]
    pub fn closing(mut self) -> Self {
        self.close = true;
        self
    }
}

/// What a client sent, short enough to stand in an error message.
pub(crate) fn shown(text: &str) -> Cow<'_, str> {
    const MAX_CHARS: usize = 64;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => Cow::Owned(format!("{}…", &text[..end])),
        None => Cow::Borrowed(text),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_json() {
        let answer = Answer::method_not_allowed("PUT", "/json", "GET,HEAD");
        assert_eq!(answer.status, 405);
        assert_eq!(answer.content_type, JSON);
        assert_eq!(answer.fields, [("allow", "GET,HEAD".to_owned())]);
        assert_eq!(
            String::from_utf8_lossy(&answer.body),
            r#"{"error":"PUT not allowed on /json; allowed: GET,HEAD"}"#
        );
    }

    #[test]
    fn what_a_client_sent_is_quoted_and_cut() {
        let answer = Answer::not_found(&format!("/\"{}", "é".repeat(100)));
        let expected = format!(r#"{{"error":"no such path: /\"{}…"}}"#, "é".repeat(62));
        assert_eq!(String::from_utf8_lossy(&answer.body), expected);
    }
}
