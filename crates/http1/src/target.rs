//! What a request is for: the target in its request line, and the host in its field.

use std::net::Ipv6Addr;

use crate::syntax::alphanumeric_or;

/// What may stand in a path and in a query (RFC 3986), and in a host's name as it is. No path of ours needs to be
/// percent-decoded, so that nobody looks what follows the percent sign there.
static PATH: [bool; 256] = alphanumeric_or(b"-._~!$&'()*+,;=%:@/");
static QUERY: [bool; 256] = alphanumeric_or(b"-._~!$&'()*+,;=%:@/?");
static NAME: [bool; 256] = alphanumeric_or(b"-._~!$&'()*+,;=");

/// A request target, taken apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Target<'b> {
    pub(crate) path: &'b str,
    pub(crate) query: Option<&'b str>,
    /// Whether the client named a scheme and a host before the path.
    pub(crate) is_absolute: bool,
}

/// Takes a target apart: the origin form, the absolute form, or `*` of `OPTIONS`. An error says what is wrong.
pub(crate) fn read<'b>(method: &str, target: &'b str) -> Result<Target<'b>, &'static str> {
    const WRONG: &str = "request target";
    let is_absolute = !target.starts_with('/');
    let origin = match target {
        "*" if method == "OPTIONS" => return Ok(everything()),
        "*" => return Err("`*` is for OPTIONS"),
        _ if is_absolute => behind_authority(target)?,
        _ => target,
    };
    let path_end = span(origin.as_bytes(), &PATH);
    let (path, rest) = origin.split_at_checked(path_end).ok_or(WRONG)?;
    let query = rest.strip_prefix('?');
    let query_end = query.map_or(0, |query| span(query.as_bytes(), &QUERY));
    if query_end < query.unwrap_or(rest).len() {
        return Err(WRONG);
    }
    Ok(Target {
        path: if path.is_empty() { "/" } else { path },
        query,
        is_absolute,
    })
}

/// How many bytes from the start are in the table.
fn span(bytes: &[u8], table: &[bool; 256]) -> usize {
    let is_other = |&byte: &u8| !table[usize::from(byte)];
    bytes.iter().position(is_other).unwrap_or(bytes.len())
}

/// The server as a whole.
fn everything() -> Target<'static> {
    Target {
        path: "*",
        query: None,
        is_absolute: false,
    }
}

/// What stands behind scheme and host of the absolute form.
fn behind_authority(target: &str) -> Result<&str, &'static str> {
    let rest = strip_scheme(target).ok_or("request target")?;
    let end = rest.find(['/', '?']).unwrap_or(rest.len());
    let (authority, origin) = rest.split_at(end);
    if authority.is_empty() || !is_host(authority.as_bytes()) {
        return Err("host in the request target");
    }
    Ok(origin)
}

fn strip_scheme(target: &str) -> Option<&str> {
    ["http://", "https://"].iter().find_map(|scheme| {
        let start = target.get(..scheme.len())?;
        start
            .eq_ignore_ascii_case(scheme)
            .then(|| &target[scheme.len()..])
    })
}

/// Whether a value is a host, with a port or without. It may be empty: then the client knows none.
pub(crate) fn is_host(value: &[u8]) -> bool {
    let mut rest = &value[span(value, &NAME)..];
    while let [b'%', high, low, more @ ..] = rest {
        if !high.is_ascii_hexdigit() || !low.is_ascii_hexdigit() {
            return false;
        }
        rest = &more[span(more, &NAME)..];
    }
    match rest {
        [] => true,
        [b':', ..] => is_port(rest),
        [b'[', address @ ..] if rest.len() == value.len() => {
            let end = memchr::memchr(b']', address).unwrap_or(address.len());
            is_address(&address[..end]) && is_port(address.get(end + 1..).unwrap_or(b"?"))
        }
        _ => false,
    }
}

fn is_address(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok_and(|text| text.parse::<Ipv6Addr>().is_ok())
}

fn is_port(text: &[u8]) -> bool {
    match text {
        [] => true,
        [b':', digits @ ..] => digits.iter().all(u8::is_ascii_digit),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(target: &str) -> Option<(&str, Option<&str>)> {
        read("GET", target).ok().map(|it| (it.path, it.query))
    }

    #[test]
    fn takes_targets_apart() {
        assert_eq!(parts("/a?b?c"), Some(("/a", Some("b?c"))));
        assert_eq!(parts("/?"), Some(("/", Some(""))));
        assert_eq!(parts("//"), Some(("//", None)));
        assert_eq!(parts("http://a:80/b"), Some(("/b", None)));
        assert_eq!(parts("HTTPS://[::1]"), Some(("/", None)));
        assert_eq!(parts("http://a?c"), Some(("/", Some("c"))));
        assert_eq!(read("OPTIONS", "*").map(|it| it.path), Ok("*"));
    }

    #[test]
    fn refuses_what_is_no_target_for_us() {
        for target in [
            "",
            "*",
            "a",
            "a:80",
            "/#",
            "/?a#b",
            "/\"",
            "/<",
            "/a>",
            "/\\",
            "/^",
            "/`",
            "/{",
            "/|",
            "/[",
            "/é",
            "/?é",
            "/?<",
            "ftp://a/",
            "http:/a",
            "http://",
            "http:///",
            "http://a@b/",
            "http://a:b/",
            "http://a b/",
        ] {
            assert_eq!(parts(target), None, "{target}");
        }
    }

    #[test]
    fn knows_a_host() {
        for host in [
            "",
            "a",
            "a:",
            "a:80",
            "127.0.0.1:8080",
            "[::1]",
            "[2001:db8::1]:80",
            "a_b.c%20",
            "A-1.b",
            "a,b",
        ] {
            assert!(is_host(host.as_bytes()), "{host}");
        }
        for host in [
            "a b", "a/b", "a:b", "a:80:80", "a@b", "http://a", "[::1", "::1]", "[]", "[::g]",
            "[::1]a", "a%2", "a%zz", "%61[::1]", "a?b", "a#b", "\"a\"", "é", "a\tb",
        ] {
            assert!(!is_host(host.as_bytes()), "{host}");
        }
    }
}
