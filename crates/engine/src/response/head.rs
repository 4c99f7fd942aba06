//! The head of an answer: status, framing, whether the connection may be used again.

use std::mem::MaybeUninit;

use super::{MAX_HEAD, ParseError};

/// More header fields than this are refused.
const MAX_FIELDS: usize = 128;

/// How the end of the body is known (RFC 9112, section 6.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) enum Framing {
    Sized(u64),
    Chunked,
    #[default]
    UntilClose,
}

/// What the client needs to know of a head.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Head {
    pub(crate) status: u16,
    pub(crate) framing: Framing,
    pub(crate) keep_alive: bool,
}

/// Parses a head and says how long it is; none if it is not complete.
#[inline]
pub(super) fn parse(input: &[u8]) -> Result<Option<(Head, usize)>, ParseError> {
    // Left uninitialised, because zeroing 4 KiB per answer would cost more than parsing it.
    let mut fields = [const { MaybeUninit::uninit() }; MAX_FIELDS];
    let mut response = httparse::Response::new(&mut []);
    let status = httparse::ParserConfig::default().parse_response_with_uninit_headers(
        &mut response,
        input,
        &mut fields,
    );
    let length = match status {
        Ok(httparse::Status::Complete(length)) => length,
        Ok(httparse::Status::Partial) if input.len() <= MAX_HEAD => return Ok(None),
        Ok(httparse::Status::Partial) | Err(httparse::Error::TooManyHeaders) => {
            return Err(ParseError::HeadTooLong);
        }
        Err(_) => return Err(ParseError::Head),
    };
    if length > MAX_HEAD {
        return Err(ParseError::HeadTooLong);
    }
    let status = response.code.ok_or(ParseError::Head)?;
    if status < 100 {
        return Err(ParseError::Head);
    }
    let mut head = Head {
        status,
        framing: Framing::UntilClose,
        keep_alive: response.version == Some(1),
    };
    let mut length_field = None;
    for field in response.headers.iter() {
        // The length of the name tells most fields apart before any byte is compared.
        match field.name.len() {
            14 if field.name.eq_ignore_ascii_case("content-length") => {
                let length = decimal(field.value).ok_or(ParseError::Framing)?;
                if length_field.is_some_and(|earlier| earlier != length) {
                    return Err(ParseError::Framing);
                }
                length_field = Some(length);
            }
            17 if field.name.eq_ignore_ascii_case("transfer-encoding") => {
                // Nothing else was asked for (no TE field is sent), and nothing else can be followed.
                if head.framing == Framing::Chunked || !field.value.eq_ignore_ascii_case(b"chunked")
                {
                    return Err(ParseError::Framing);
                }
                head.framing = Framing::Chunked;
            }
            10 if field.name.eq_ignore_ascii_case("connection") => {
                if lists(field.value, b"close") {
                    head.keep_alive = false;
                } else if lists(field.value, b"keep-alive") {
                    head.keep_alive = true;
                }
            }
            _ => {}
        }
    }
    match (head.framing, length_field) {
        // Both: a sign of smuggling, to be treated as an error (RFC 9112, section 6.3).
        (Framing::Chunked, Some(_)) => return Err(ParseError::Framing),
        (Framing::UntilClose, Some(length)) => head.framing = Framing::Sized(length),
        _ => {}
    }
    Ok(Some((head, length)))
}

/// A content-length: digits and nothing else.
fn decimal(value: &[u8]) -> Option<u64> {
    if value.is_empty() {
        return None;
    }
    value.iter().try_fold(0u64, |number, byte| {
        let digit = byte.is_ascii_digit().then(|| u64::from(byte - b'0'))?;
        number.checked_mul(10)?.checked_add(digit)
    })
}

/// Whether a comma-separated list names `token`.
fn lists(value: &[u8], token: &[u8]) -> bool {
    value
        .split(|byte| *byte == b',')
        .any(|item| item.trim_ascii().eq_ignore_ascii_case(token))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn connection_options_decide_about_reuse() {
        let keep_alive = |version: &str, option: &str| {
            let head = format!("HTTP/{version} 200 OK\r\nConnection: {option}\r\n\r\n");
            parse(head.as_bytes()).unwrap().unwrap().0.keep_alive
        };
        assert!(keep_alive("1.1", "foo"));
        assert!(!keep_alive("1.1", "Close"));
        assert!(!keep_alive("1.1", "x , close"));
        assert!(!keep_alive("1.0", "foo"));
        assert!(keep_alive("1.0", "Keep-Alive"));
    }

    #[test]
    fn too_many_fields_are_a_head_too_long() {
        let head = format!(
            "HTTP/1.1 200 OK\r\n{}\r\n",
            "a: b\r\n".repeat(MAX_FIELDS + 1)
        );
        assert_eq!(parse(head.as_bytes()), Err(ParseError::HeadTooLong));
    }

    #[test]
    fn lengths_are_digits_only() {
        assert_eq!(decimal(b"0"), Some(0));
        assert_eq!(decimal(b"18446744073709551615"), Some(u64::MAX));
        for bad in [&b""[..], b"+1", b"1 ", b"0x1", b"18446744073709551616"] {
            assert_eq!(decimal(bad), None);
        }
    }
}
