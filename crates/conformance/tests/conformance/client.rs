//! A client that sends bytes as they are, and reads answers.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{SocketAddr, TcpStream},
    time::Duration,
};

/// Long enough for any machine; a test that runs into it has failed.
pub(crate) const PATIENCE: Duration = Duration::from_secs(60);

/// An answer without its `date`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Answer {
    pub(crate) version: String,
    pub(crate) status: u16,
    /// Names in lower case, sorted.
    pub(crate) fields: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    pub(crate) fn field(&self, name: &str) -> Option<&str> {
        let field = self.fields.iter().find(|(known, _)| known == name);
        field.map(|(_, value)| &**value)
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// A connection.
pub(crate) struct Client {
    stream: BufReader<TcpStream>,
}

impl Client {
    pub(crate) fn connect(addr: SocketAddr) -> Self {
        let stream = TcpStream::connect(addr).expect("connects");
        stream.set_read_timeout(Some(PATIENCE)).expect("a timeout");
        stream.set_nodelay(true).expect("no delay");
        Self {
            stream: BufReader::new(stream),
        }
    }

    pub(crate) fn socket(&self) -> &TcpStream {
        self.stream.get_ref()
    }

    pub(crate) fn send(&mut self, bytes: impl AsRef<[u8]>) {
        self.try_send(bytes).expect("sends");
    }

    pub(crate) fn try_send(&mut self, bytes: impl AsRef<[u8]>) -> io::Result<()> {
        self.stream.get_mut().write_all(bytes.as_ref())
    }

    /// `GET` on this connection, kept.
    pub(crate) fn get(&mut self, target: &str) -> Answer {
        self.send(format!("GET {target} HTTP/1.1\r\nhost: test\r\n\r\n"));
        self.answer()
    }

    /// Reads the answer to anything but `HEAD`.
    pub(crate) fn answer(&mut self) -> Answer {
        self.try_answer(false).expect("an answer")
    }

    /// Reads the answer to `HEAD`.
    pub(crate) fn head_answer(&mut self) -> Answer {
        self.try_answer(true).expect("an answer")
    }

    pub(crate) fn try_answer(&mut self, head_only: bool) -> io::Result<Answer> {
        let line = self.line()?;
        let mut words = line.splitn(3, ' ');
        let version = words.next().unwrap_or_default().to_owned();
        let status = words.next().and_then(|status| status.parse().ok());
        let status = status.ok_or_else(|| io::Error::other(format!("no status in {line:?}")))?;
        let mut fields = Vec::new();
        loop {
            let line = self.line()?;
            let Some((name, value)) = line.split_once(": ") else {
                assert_eq!(line, "", "a field has a colon");
                break;
            };
            if name != "date" {
                fields.push((name.to_ascii_lowercase(), value.to_owned()));
            }
        }
        fields.sort();
        let mut answer = Answer {
            version,
            status,
            fields,
            body: Vec::new(),
        };
        if !head_only && status >= 200 {
            answer.body = self.body(&answer)?;
        }
        Ok(answer)
    }

    fn body(&mut self, answer: &Answer) -> io::Result<Vec<u8>> {
        let mut body = Vec::new();
        if let Some(length) = answer.field("content-length") {
            body.resize(length.parse().map_err(io::Error::other)?, 0);
            self.stream.read_exact(&mut body)?;
        } else if answer.field("transfer-encoding") == Some("chunked") {
            loop {
                let size = usize::from_str_radix(&self.line()?, 16).map_err(io::Error::other)?;
                let start = body.len();
                body.resize(start + size, 0);
                self.stream.read_exact(&mut body[start..])?;
                assert_eq!(self.line()?, "", "a chunk ends with CRLF");
                if size == 0 {
                    break;
                }
            }
        } else {
            self.stream.read_to_end(&mut body)?;
        }
        Ok(body)
    }

    fn line(&mut self) -> io::Result<String> {
        let mut line = Vec::new();
        self.stream.read_until(b'\n', &mut line)?;
        match line.strip_suffix(b"\r\n") {
            Some(line) => Ok(String::from_utf8_lossy(line).into_owned()),
            None => Err(io::ErrorKind::UnexpectedEof.into()),
        }
    }

    /// Waits for the first bytes, and leaves them to be read.
    pub(crate) fn peek(&mut self) -> Vec<u8> {
        self.stream.fill_buf().expect("some bytes").to_vec()
    }

    /// Reads just so many bytes.
    pub(crate) fn read_exact(&mut self, bytes: &mut [u8]) {
        self.stream.read_exact(bytes).expect("as many bytes");
    }

    /// Waits until the server closes; returns what it sent before.
    pub(crate) fn rest(&mut self) -> Vec<u8> {
        let mut rest = Vec::new();
        match self.stream.read_to_end(&mut rest) {
            Ok(_) => {}
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {}
            Err(error) => panic!("the connection was not closed: {error}"),
        }
        rest
    }

    /// Asserts that the server closes without another byte.
    pub(crate) fn assert_closed(&mut self) {
        let rest = self.rest();
        assert!(
            rest.is_empty(),
            "unexpected: {:?}",
            String::from_utf8_lossy(&rest)
        );
    }

    /// Asserts that the connection is kept, by using it.
    pub(crate) fn assert_kept(&mut self) {
        assert_eq!(self.get("/").text(), "Hello World");
    }
}

/// `GET` on a connection of its own.
pub(crate) fn get(addr: SocketAddr, target: &str) -> Answer {
    Client::connect(addr).get(target)
}

/// One of the numbers in `/stats`.
pub(crate) fn stat(addr: SocketAddr, field: &str) -> u64 {
    let stats: serde_json::Value =
        serde_json::from_slice(&get(addr, "/stats").body).expect("stats are JSON");
    stats[field].as_u64().expect("a number")
}

/// Waits until one of the numbers in `/stats` is `wanted`.
pub(crate) fn await_stat(addr: SocketAddr, field: &str, wanted: u64) {
    let start = std::time::Instant::now();
    loop {
        let value = stat(addr, field);
        if value == wanted {
            return;
        }
        assert!(
            start.elapsed() < PATIENCE,
            "{field} is {value}, not {wanted}"
        );
        std::thread::sleep(Duration::from_millis(5));
    }
}
