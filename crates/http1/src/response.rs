//! The head of an answer, and chunks, as bytes.

use crate::head::Version;

/// The interim answer to `expect: 100-continue`.
pub const CONTINUE: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

/// The end of a chunked body.
pub const LAST_CHUNK: &[u8] = b"0\r\n\r\n";

/// How the client will know where the answer's body ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Length {
    /// `content-length`, in bytes.
    Known(u64),
    /// `transfer-encoding: chunked`, HTTP/1.1 only.
    Chunked,
    /// The connection is closed behind it (HTTP/1.0), or there is no body by definition (101).
    Unsaid,
}

/// What stands before an answer's body.
#[derive(Debug, Clone, Copy)]
pub struct ResponseHead<'a> {
    /// The version of the request.
    pub version: Version,
    /// The status code.
    pub status: u16,
    /// The value of `content-type`, if there is a body.
    pub content_type: Option<&'a str>,
    /// Further fields, names in lower case.
    pub fields: &'a [(&'static str, String)],
    /// How the body's end is known.
    pub length: Length,
    /// Whether the connection is kept after the answer.
    pub keep_alive: bool,
}

impl ResponseHead<'_> {
    /// Appends the head to `out`, its fields in the order that Axum and hyper have them. `date` comes from
    /// [`HttpDate`](crate::HttpDate).
    pub fn write(&self, date: &str, out: &mut Vec<u8>) {
        out.extend_from_slice(match self.version {
            Version::Http11 => b"HTTP/1.1 ",
            Version::Http10 => b"HTTP/1.0 ",
        });
        number(out, u64::from(self.status));
        out.push(b' ');
        out.extend_from_slice(reason(self.status).as_bytes());
        out.extend_from_slice(b"\r\n");
        if let Some(content_type) = self.content_type {
            field(out, "content-type", content_type);
        }
        for (name, value) in self.fields {
            field(out, name, value);
        }
        match self.length {
            Length::Known(bytes) => {
                out.extend_from_slice(b"content-length: ");
                number(out, bytes);
                out.extend_from_slice(b"\r\n");
            }
            Length::Chunked => field(out, "transfer-encoding", "chunked"),
            Length::Unsaid => {}
        }
        // Said only where it differs from what the version implies.
        match (self.version, self.keep_alive) {
            (_, _) if self.status == 101 => {}
            (Version::Http11, false) => field(out, "connection", "close"),
            (Version::Http10, true) => field(out, "connection", "keep-alive"),
            (Version::Http11, true) | (Version::Http10, false) => {}
        }
        field(out, "date", date);
        out.extend_from_slice(b"\r\n");
    }
}

/// Appends `data` as one chunk. Empty data are skipped: an empty chunk would end the body.
pub fn write_chunk(data: &[u8], out: &mut Vec<u8>) {
    if data.is_empty() {
        return;
    }
    const HEX: &[u8; 16] = b"0123456789ABCDEF";
    let digits = (usize::BITS - data.len().leading_zeros()).div_ceil(4);
    out.extend(
        (0..digits)
            .rev()
            .map(|digit| HEX[data.len() >> (4 * digit) & 0xf]),
    );
    out.extend_from_slice(b"\r\n");
    out.extend_from_slice(data);
    out.extend_from_slice(b"\r\n");
}

fn field(out: &mut Vec<u8>, name: &str, value: &str) {
    out.extend_from_slice(name.as_bytes());
    out.extend_from_slice(b": ");
    out.extend_from_slice(value.as_bytes());
    out.extend_from_slice(b"\r\n");
}

fn number(out: &mut Vec<u8>, number: u64) {
    out.extend_from_slice(itoa::Buffer::new().format(number).as_bytes());
}

/// The reason phrase of a status we send.
fn reason(status: u16) -> &'static str {
    match status {
        101 => "Switching Protocols",
        200 => "OK",
        400 => "Bad Request",
        404 => "Not Found",
        405 => "Method Not Allowed",
        413 => "Payload Too Large",
        415 => "Unsupported Media Type",
        426 => "Upgrade Required",
        431 => "Request Header Fields Too Large",
        500 => "Internal Server Error",
        502 => "Bad Gateway",
        503 => "Service Unavailable",
        504 => "Gateway Timeout",
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(head: &ResponseHead<'_>) -> String {
        let mut out = Vec::new();
        head.write("Sun, 06 Nov 1994 08:49:37 GMT", &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn writes_heads() {
        let head = ResponseHead {
            version: Version::Http11,
            status: 200,
            content_type: Some("text/plain"),
            fields: &[("x-a", "b".to_owned())],
            length: Length::Known(11),
            keep_alive: true,
        };
        let date = "date: Sun, 06 Nov 1994 08:49:37 GMT\r\n\r\n";
        assert_eq!(
            text(&head),
            format!(
                "HTTP/1.1 200 OK\r\ncontent-type: text/plain\r\nx-a: b\r\ncontent-length: 11\r\n{date}"
            )
        );
        let closing = ResponseHead {
            status: 400,
            content_type: None,
            fields: &[],
            length: Length::Chunked,
            keep_alive: false,
            ..head
        };
        assert_eq!(
            text(&closing),
            format!(
                "HTTP/1.1 400 Bad Request\r\ntransfer-encoding: chunked\r\nconnection: close\r\n{date}"
            )
        );
    }

    #[test]
    fn speaks_http_1_0_to_those_who_do() {
        let head = ResponseHead {
            version: Version::Http10,
            status: 200,
            content_type: None,
            fields: &[],
            length: Length::Unsaid,
            keep_alive: false,
        };
        assert!(text(&head).starts_with("HTTP/1.0 200 OK\r\ndate: "));
        let kept = ResponseHead {
            keep_alive: true,
            ..head
        };
        assert!(text(&kept).contains("connection: keep-alive\r\n"));
    }

    #[test]
    fn writes_chunks() {
        let mut out = Vec::new();
        write_chunk(b"abc", &mut out);
        write_chunk(b"", &mut out);
        write_chunk(&[b'x'; 26], &mut out);
        assert_eq!(
            out,
            format!("3\r\nabc\r\n1A\r\n{}\r\n", "x".repeat(26)).as_bytes()
        );
    }
}
