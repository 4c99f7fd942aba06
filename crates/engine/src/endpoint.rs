//! Where a server is: its URL as typed, and the address to connect to, looked up once.

use std::io;
use std::net::{SocketAddr, TcpStream, ToSocketAddrs};
use std::os::unix::fs::FileTypeExt as _;
use std::path::{Path, PathBuf};
use std::time::Duration;

use reqwest::Url;

use crate::error::ConnectError;

/// Begins the URL of a server that listens at a Unix socket: `unix:/run/app.sock:/path`.
const UNIX: &str = "unix:";
/// Bytes of the path of a Unix socket at most, the 0 behind it not counted.
const LONGEST_PATH: usize = if cfg!(target_os = "linux") { 107 } else { 103 };

/// A base URL, read.
#[derive(Debug, Clone)]
pub(crate) struct Base {
    /// As it is asked for. At a Unix socket the host is `localhost`.
    pub(crate) url: Url,
    /// The Unix socket, if it is at one.
    socket: Option<PathBuf>,
}

/// What can be connected to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Address {
    Tcp(SocketAddr),
    Unix(PathBuf),
}

/// Where to connect.
#[derive(Debug, Clone)]
pub(crate) struct Endpoint {
    pub(crate) url: Url,
    pub(crate) host: String,
    pub(crate) address: Address,
}

impl Endpoint {
    pub(crate) fn is_https(&self) -> bool {
        self.url.scheme() == "https"
    }
}

impl Base {
    /// Reads `http://…`, `https://…` or `unix:SOCKET[:/PATH]`.
    pub(crate) fn parse(text: &str) -> Result<Self, ConnectError> {
        let invalid = |reason: &str| ConnectError::InvalidUrl {
            url: text.to_owned(),
            reason: reason.to_owned(),
        };
        let (asked, socket) = match text.strip_prefix(UNIX) {
            Some(rest) => {
                let end = rest.find(":/");
                let (socket, path) =
                    end.map_or((rest, "/"), |end| (&rest[..end], &rest[end + 1..]));
                if socket.is_empty() {
                    return Err(invalid("it names no socket"));
                }
                (
                    format!("http://localhost{path}"),
                    Some(PathBuf::from(socket)),
                )
            }
            None => (text.to_owned(), None),
        };
        let url = Url::parse(&asked).map_err(|error| invalid(&error.to_string()))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(invalid("only http://, https:// and unix: can be loaded"));
        }
        if url.host_str().is_none_or(str::is_empty) {
            return Err(invalid("it names no host"));
        }
        Ok(Self { url, socket })
    }

    /// A URL of this server as it would be typed.
    pub(crate) fn typed(&self, url: &Url) -> String {
        match &self.socket {
            Some(socket) => {
                let query = url.query().map(|query| format!("?{query}"));
                let query = query.unwrap_or_default();
                format!("{UNIX}{}:{}{query}", socket.display(), url.path())
            }
            None => url.to_string(),
        }
    }

    /// Resolves the host once, so that no name is looked up while measuring. Of several addresses
    /// (`localhost` is often both ::1 and 127.0.0.1) the first that accepts a connection is taken.
    pub(crate) fn resolve(self, timeout: Duration) -> Result<Endpoint, ConnectError> {
        // The URL was checked to have a host, and both schemes have a default port.
        let host = self.url.host_str().unwrap_or_default().to_owned();
        let address = match self.socket {
            Some(path) => Address::unix(path)?,
            None => Address::Tcp(look_up(&host, &self.url, timeout)?),
        };
        Ok(Endpoint {
            url: self.url,
            host,
            address,
        })
    }
}

fn look_up(host: &str, url: &Url, timeout: Duration) -> Result<SocketAddr, ConnectError> {
    let port = url.port_or_known_default().unwrap_or(80);
    let name = host.trim_start_matches('[').trim_end_matches(']');
    let failed = |source| ConnectError::Resolve {
        host: format!("{host}:{port}"),
        source,
    };
    let addresses: Vec<SocketAddr> = (name, port).to_socket_addrs().map_err(failed)?.collect();
    match addresses.as_slice() {
        [] => Err(failed(io::ErrorKind::NotFound.into())),
        [only] => Ok(*only),
        [first, ..] => Ok(*addresses
            .iter()
            .find(|address| TcpStream::connect_timeout(address, timeout).is_ok())
            .unwrap_or(first)),
    }
}

impl Address {
    /// A Unix socket, which must be there: a refused connection would not say that it is none.
    fn unix(path: PathBuf) -> Result<Self, ConnectError> {
        match why_no_socket(&path) {
            Some(reason) => Err(ConnectError::Socket { path, reason }),
            None => Ok(Self::Unix(path)),
        }
    }
}

fn why_no_socket(path: &Path) -> Option<String> {
    let bytes = path.as_os_str().len();
    if bytes > LONGEST_PATH {
        return Some(format!(
            "its path has {bytes} bytes, and that of a socket has {LONGEST_PATH} at most; name it by a shorter one, such as \
             a relative path or a symbolic link"
        ));
    }
    match std::fs::metadata(path) {
        Ok(found) if found.file_type().is_socket() => None,
        Ok(found) if found.is_dir() => Some("it is a folder".to_owned()),
        Ok(_) => Some("the file is no socket".to_owned()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            Some("there is no such file; does the server run?".to_owned())
        }
        Err(error) => Some(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn urls_without_host_or_with_another_scheme_are_refused() {
        for url in [
            "ftp://h/",
            "127.0.0.1:80",
            "http://",
            "h:80/",
            "unix:",
            "unix::/x",
        ] {
            assert!(Base::parse(url).is_err(), "{url}");
        }
    }

    #[test]
    fn addresses_of_both_families_are_understood() {
        for (url, address) in [
            ("http://127.0.0.1:81", "127.0.0.1:81"),
            ("http://[::1]:81", "[::1]:81"),
            ("https://127.0.0.1", "127.0.0.1:443"),
        ] {
            let endpoint = Base::parse(url).unwrap().resolve(Duration::from_secs(1));
            assert_eq!(
                endpoint.unwrap().address,
                Address::Tcp(address.parse().unwrap())
            );
        }
    }

    #[test]
    fn a_socket_is_followed_by_what_is_asked_of_it() {
        for (typed, socket, asked) in [
            ("unix:/run/a.sock", "/run/a.sock", "http://localhost/"),
            (
                "unix:/a:b.sock:/c?d=:/e",
                "/a:b.sock",
                "http://localhost/c?d=:/e",
            ),
            ("unix:./a", "./a", "http://localhost/"),
        ] {
            let base = Base::parse(typed).unwrap();
            assert_eq!(base.socket.as_deref(), Some(Path::new(socket)));
            assert_eq!(base.url.as_str(), asked);
            assert!(base.typed(&base.url).starts_with(typed));
        }
    }

    #[test]
    fn what_is_no_socket_says_why() {
        let told = |path: &str| {
            let resolved = Base::parse(&format!("unix:{path}"))
                .unwrap()
                .resolve(Duration::ZERO);
            resolved.unwrap_err().to_string()
        };
        assert!(told("/no/such.sock").contains("there is no such file"));
        assert!(told("/").contains("it is a folder"));
        assert!(told("/dev/null").contains("the file is no socket"));
        let long = format!("/{}", "a".repeat(LONGEST_PATH));
        assert!(told(&long).contains(&format!("has {} bytes", LONGEST_PATH + 1)));
    }
}
