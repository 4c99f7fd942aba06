//! URLs in the parts that a load generator needs.

use anyhow::bail;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// A URL, split.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parts {
    /// `http://host:port`, or `unix:SOCKET`.
    pub base: String,
    /// Path and query, encoded as they are sent; `/` where there is none.
    pub path: String,
    /// The value of `authorization` that `user:password@` stands for.
    pub authorization: Option<String>,
}

/// Whether a text begins as a URL of a web server does, in whatever case.
pub fn is_url(text: &str) -> bool {
    let begins = |scheme: &str| {
        let start = text.get(..scheme.len());
        start.is_some_and(|start| start.eq_ignore_ascii_case(scheme))
    };
    begins("http://") || begins("https://") || begins_at_socket(text)
}

/// Begins the URL of a server that listens at a Unix socket: `unix:/run/app.sock:/path`.
const UNIX: &str = "unix:";

/// The Unix socket of a base URL, if it is at one.
pub fn socket(base: &str) -> Option<&str> {
    base.strip_prefix(UNIX)
}

/// A base URL with a path behind it.
pub fn joined(base: &str, path: &str) -> String {
    match socket(base) {
        Some(_) if !path.is_empty() => format!("{base}:{path}"),
        _ => format!("{base}{path}"),
    }
}

/// The URL that a text stands for: `localhost:8080/a` is meant as `http://localhost:8080/a`.
pub fn meant(text: &str) -> Option<String> {
    if is_url(text) {
        return Some(text.to_owned());
    }
    let authority = text.split(['/', '?']).next().unwrap_or_default();
    let (host, port) = authority.rsplit_once(':')?;
    let is_port = port.parse::<u16>().is_ok();
    let is_host = !host.is_empty()
        && host
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || ".-[]:".contains(c));
    (is_port && is_host).then(|| format!("http://{text}"))
}

/// Splits a URL. The fragment never leaves a client.
///
/// # Errors
/// When it is none, or has characters that no URL can have.
pub fn split(url: &str) -> anyhow::Result<Parts> {
    if let Some(rest) = url.get(UNIX.len()..).filter(|_| begins_at_socket(url)) {
        return split_socket(url, rest);
    }
    let without_fragment = url.split('#').next().unwrap_or_default();
    let Some((scheme, rest)) = without_fragment.split_once("://") else {
        bail!("{url:?} is not a URL")
    };
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, path) = rest.split_at(end);
    let (user, host) = match authority.rsplit_once('@') {
        Some((user, host)) => (Some(user), host),
        None => (None, authority),
    };
    if host.is_empty() || host.contains(char::is_whitespace) {
        bail!("{:?} has no host that can be used", without_password(url));
    }
    let path = sendable(url, path)?;
    Ok(Parts {
        base: format!("{}://{host}", scheme.to_ascii_lowercase()),
        path: match path.starts_with('/') {
            true => path,
            false => format!("/{path}"),
        },
        authorization: user.map(|user| format!("Basic {}", STANDARD.encode(decoded(user)))),
    })
}

fn begins_at_socket(url: &str) -> bool {
    let start = url.get(..UNIX.len());
    start.is_some_and(|start| start.eq_ignore_ascii_case(UNIX))
}

/// What follows `unix:`: the path of the socket up to the first `:/`, then path and query.
fn split_socket(url: &str, rest: &str) -> anyhow::Result<Parts> {
    let end = rest.find(":/");
    let (socket, path) = end.map_or((rest, "/"), |end| (&rest[..end], &rest[end + 1..]));
    if socket.is_empty() {
        bail!("{url:?} names no socket: a server at a Unix socket is unix:/run/app.sock:/path")
    }
    let path = path.split('#').next().unwrap_or_default();
    Ok(Parts {
        base: format!("{UNIX}{socket}"),
        path: sendable(url, path)?,
        authorization: None,
    })
}

/// Path and query of a URL as they are sent.
fn sendable(url: &str, path: &str) -> anyhow::Result<String> {
    if let Some(control) = path.chars().find(|c| c.is_control()) {
        bail!(
            "{:?} has a control character ({control:?}) in its path or query",
            without_password(url)
        );
    }
    Ok(encoded(path))
}

/// A text with the password of every URL in it left out.
pub fn without_password(text: &str) -> String {
    let Some((before, rest)) = text.split_once("://") else {
        return text.to_owned();
    };
    let end = rest.find(['/', '?', '#']).unwrap_or(rest.len());
    match rest[..end].rsplit_once('@') {
        Some((_, host)) => format!("{before}://{host}{}", &rest[end..]),
        None => text.to_owned(),
    }
}

/// Path and query with what may not stand there as percent signs and digits: blanks, quotes, brackets, and everything beyond
/// ASCII. What is encoded already stays as it is.
fn encoded(path: &str) -> String {
    use std::fmt::Write as _;
    let mut text = String::with_capacity(path.len());
    for byte in path.bytes() {
        if byte.is_ascii_graphic() && !b"\"<>\\^`{|}".contains(&byte) {
            text.push(char::from(byte));
        } else {
            let _ = write!(text, "%{byte:02X}"); // a String takes everything
        }
    }
    text
}

/// `%3A` and the like as what they stand for.
fn decoded(user: &str) -> Vec<u8> {
    let bytes = user.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while at < bytes.len() {
        let hex = user.get(at + 1..at + 3);
        let byte = hex.and_then(|hex| u8::from_str_radix(hex, 16).ok());
        match (bytes[at], byte) {
            (b'%', Some(byte)) => {
                decoded.push(byte);
                at += 3;
            }
            (byte, _) => {
                decoded.push(byte);
                at += 1;
            }
        }
    }
    decoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn schemes_have_no_case_and_queries_are_encoded() {
        let parts = split("HTTP://h:1/a b?q=ä\"#c").unwrap();
        assert_eq!(
            (parts.base.as_str(), parts.path.as_str()),
            ("http://h:1", "/a%20b?q=%C3%A4%22")
        );
        assert_eq!(split("http://h?x=%20").unwrap().path, "/?x=%20");
        assert!(split("http:///a").is_err() && split("http://h/a\nb").is_err());
    }

    #[test]
    fn a_password_is_sent_and_never_shown() {
        let parts = split("http://u%3A:p@h/").unwrap();
        assert_eq!(parts.base, "http://h");
        assert_eq!(parts.authorization.as_deref(), Some("Basic dTo6cA=="));
        assert_eq!(without_password("m=http://u:p@h/a"), "m=http://h/a");
        assert_eq!(without_password("http://h/a@b"), "http://h/a@b");
    }

    #[test]
    fn a_socket_ends_where_a_path_begins() {
        for (typed, base, path) in [
            (
                "unix:/run/a.sock:/b?c=:/d#e",
                "unix:/run/a.sock",
                "/b?c=:/d",
            ),
            ("UNIX:/run/a.sock", "unix:/run/a.sock", "/"),
            ("unix:a:b", "unix:a:b", "/"),
            ("unix:a:/ä", "unix:a", "/%C3%A4"),
        ] {
            let parts = split(typed).unwrap();
            assert_eq!((parts.base.as_str(), parts.path.as_str()), (base, path));
            assert!(is_url(typed));
        }
        assert!(split("unix:").is_err() && split("unix::/x").is_err());
        assert_eq!(joined("unix:/a", "/b"), "unix:/a:/b");
        assert_eq!(joined("http://h", "/b"), "http://h/b");
    }

    #[test]
    fn a_host_with_its_port_is_meant_as_a_url() {
        assert_eq!(
            meant("localhost:8080/a").as_deref(),
            Some("http://localhost:8080/a")
        );
        assert_eq!(meant("[::1]:80").as_deref(), Some("http://[::1]:80"));
        assert_eq!(meant("HTTPS://h").as_deref(), Some("HTTPS://h"));
        for other in ["sweep", "localhost", "a b:80", ":80", "h:99999"] {
            assert_eq!(meant(other), None, "{other}");
        }
    }

    proptest::proptest! {
        #[test]
        fn splitting_urls_never_panics_and_loses_nothing(rest in "[a-z0-9:./?=&-]{1,30}") {
            if let Ok(Parts { base, path, .. }) = split(&format!("http://{rest}")) {
                let joined = format!("{base}{path}").replace("/?", "?");
                let original = format!("http://{rest}").replace("/?", "?");
                proptest::prop_assert_eq!(joined.trim_end_matches('/'), original.trim_end_matches('/'));
            }
        }

        #[test]
        fn no_text_makes_it_panic(text in "\\PC{0,40}") {
            let _ = (split(&text), meant(&text), without_password(&text));
        }
    }
}
