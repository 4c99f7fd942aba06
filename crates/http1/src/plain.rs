//! A request head written anew, for a parser that would read it in another way.

use crate::{Framing, Head, Version};

/// The longest body that hyper lets a request announce; every limit of ours is far below.
const LONGEST: u64 = i64::MAX as u64;

/// Whether hyper reads the head as [`Head`] does.
pub(crate) fn is_plain(head: &Head<'_>) -> bool {
    head.is_plain && !matches!(head.framing, Framing::Length(length) if length > LONGEST)
}

/// The head with a target in the origin form and a version that all know. It says that the client waits for
/// `100 Continue` if it `waits`.
pub(crate) fn write(head: &Head<'_>, waits: bool) -> Vec<u8> {
    let mut out = Vec::new();
    out.extend_from_slice(head.method_token.as_bytes());
    out.push(b' ');
    out.extend_from_slice(head.path.as_bytes());
    if let Some(query) = head.query {
        out.push(b'?');
        out.extend_from_slice(query.as_bytes());
    }
    out.extend_from_slice(match head.version {
        Version::Http10 => b" HTTP/1.0\r\n",
        Version::Http11 => b" HTTP/1.1\r\n",
    });
    let is_written_anew = |line: &[u8]| {
        let name = line.split(|&byte| byte == b':').next().unwrap_or_default();
        [&b"expect"[..], b"content-length"]
            .iter()
            .any(|anew| name.eq_ignore_ascii_case(anew))
    };
    let lines = head.fields.split_inclusive(|&byte| byte == b'\n');
    for line in lines.filter(|line| !is_written_anew(line)) {
        out.extend_from_slice(line);
    }
    if let Framing::Length(length) = head.framing {
        let length = format!("content-length: {}\r\n", length.min(LONGEST));
        out.extend_from_slice(length.as_bytes());
    }
    if waits {
        out.extend_from_slice(b"expect: 100-continue\r\n");
    }
    out.extend_from_slice(b"\r\n");
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn anew(text: &str, waits: bool) -> String {
        let (head, _) = Head::parse(text.as_bytes(), 1024).unwrap().unwrap();
        String::from_utf8(write(&head, waits)).unwrap()
    }

    #[test]
    fn what_is_written_is_read_alike_by_all() {
        assert_eq!(
            anew(
                "\r\nGET http://b/c?d HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n",
                false
            ),
            "GET /c?d HTTP/1.1\r\nHost: a\r\nX: y\r\n\r\n"
        );
        let text = "POST / HTTP/1.7\r\nhost: a\r\nExpect: 100-continue\r\nContent-Length: 18446744073709551615\r\n\r\n";
        assert_eq!(
            anew(text, false),
            "POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9223372036854775807\r\n\r\n"
        );
        assert!(anew(text, true).ends_with("expect: 100-continue\r\n\r\n"));
        assert_eq!(
            anew("GET / HTTP/1.0\r\n\r\n", false),
            "GET / HTTP/1.0\r\n\r\n"
        );
    }

    #[test]
    fn an_ordinary_head_is_plain() {
        let plain = |text: &str| is_plain(&Head::parse(text.as_bytes(), 1024).unwrap().unwrap().0);
        assert!(plain(
            "GET /a?b HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n\r\n"
        ));
        assert!(plain("OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert!(!plain("GET http://a/ HTTP/1.1\r\nHost: a\r\n\r\n"));
        assert!(!plain("GET / HTTP/1.2\r\nHost: a\r\n\r\n"));
        assert!(!plain(
            "GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 9223372036854775808\r\n\r\n"
        ));
    }
}
