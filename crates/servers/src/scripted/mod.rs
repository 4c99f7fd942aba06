//! A server that does what a script says, and keeps its own account of it: its truth is arithmetic.
//!
//! `script` says what becomes of the request of a number, `pauses` when the server stands still, `account` is what it did,
//! `connection` serves.

mod account;
pub mod cli;
mod connection;
mod pauses;
mod script;

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::AtomicU64;
use std::time::{Duration, Instant};

use timer::Alarms;

use crate::lanes::Lanes;

pub use account::Account;
pub use script::{Freeze, FreezeAfter, Script, Slow};

use account::Book;
use connection::Worker;
use pauses::{Pauses, Stalls};

/// The server. It ends when this is dropped.
pub struct Peer {
    lanes: Lanes,
    shared: Arc<Shared>,
}

/// What all its workers have in common.
struct Shared {
    script: Script,
    requests: AtomicU64,
    stalls: Arc<Stalls>,
    books: Vec<Book>,
}

impl Peer {
    /// Starts it on a free port of this machine.
    ///
    /// # Errors
    /// When no port can be listened on, or no thread be started.
    pub fn start(script: Script) -> std::io::Result<Self> {
        Self::start_at(script, SocketAddr::from(([127, 0, 0, 1], 0)))
    }

    /// Starts it at an address.
    ///
    /// # Errors
    /// When the address cannot be listened on, or no thread be started.
    pub fn start_at(script: Script, addr: SocketAddr) -> std::io::Result<Self> {
        let workers = script.workers.max(1);
        let shared = Arc::new(Shared {
            script,
            requests: AtomicU64::new(0),
            stalls: Arc::new(Stalls::new(Instant::now())),
            books: (0..workers).map(|_| Book::default()).collect(),
        });
        let lanes = Lanes::start(addr, workers, |number| {
            let is_frozen = script.frozen_workers.is_none_or(|it| number < it);
            let freeze = script.freeze.filter(|_| is_frozen);
            Ok(Worker {
                pauses: Pauses::new(Arc::clone(&shared.stalls), freeze),
                alarms: Alarms::start(1)?,
                shared: Arc::clone(&shared),
                number,
            })
        })?;
        Ok(Self { lanes, shared })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.lanes.addr()
    }

    /// `http://host:port`.
    pub fn url(&self) -> String {
        format!("http://{}", self.addr())
    }

    /// From `after` from now on it stands still for `length`.
    pub fn stall(&self, after: Duration, length: Duration) {
        self.shared.stalls.add(Instant::now() + after, length);
    }

    /// What it did so far.
    pub fn account(&self) -> Account {
        self.shared.account()
    }
}

impl Shared {
    fn account(&self) -> Account {
        Account::of(&self.books)
    }
}

#[cfg(test)]
mod tests {
    use std::io::{Read as _, Write as _};
    use std::net::TcpStream;

    use super::*;

    fn connect(peer: &Peer) -> TcpStream {
        let stream = TcpStream::connect(peer.addr()).unwrap();
        stream
            .set_read_timeout(Some(Duration::from_secs(20)))
            .unwrap();
        stream
    }

    /// Asks once; the whole answer, or as much of it as came before the connection ended.
    fn ask(stream: &mut TcpStream, path: &str) -> String {
        let request = format!("GET {path} HTTP/1.1\r\nhost: peer\r\n\r\n");
        stream.write_all(request.as_bytes()).unwrap();
        let (mut answer, mut bytes) = (String::new(), [0; 4096]);
        while !is_whole(&answer) {
            match stream.read(&mut bytes) {
                Ok(0) | Err(_) => break,
                Ok(count) => answer.push_str(&String::from_utf8_lossy(&bytes[..count])),
            }
        }
        answer
    }

    fn is_whole(answer: &str) -> bool {
        let Some((head, body)) = answer.split_once("\r\n\r\n") else {
            return false;
        };
        let length = head
            .lines()
            .find_map(|it| it.strip_prefix("content-length: "));
        length.and_then(|it| it.parse().ok()) == Some(body.len())
    }

    #[test]
    fn it_answers_as_the_built_in_servers_do() {
        let peer = Peer::start(Script::PLAIN).unwrap();
        let answer = ask(&mut connect(&peer), "/");
        assert!(answer.starts_with("HTTP/1.1 200 OK\r\n"), "{answer}");
        assert!(answer.contains("\r\ncontent-type: text/plain; charset=utf-8\r\n"));
        assert!(answer.ends_with("\r\n\r\nHello World"), "{answer}");
    }

    #[test]
    fn its_account_is_what_it_did_and_can_be_asked_for() {
        let script = Script {
            fail_each: Some(2),
            close_each: Some(5),
            ..Script::PLAIN
        };
        let peer = Peer::start(script).unwrap();
        let mut stream = connect(&peer);
        let status = |answer: &str| answer.get(9..12).unwrap_or("none").to_owned();
        let seen: Vec<String> = (0..5).map(|_| status(&ask(&mut stream, "/"))).collect();
        assert_eq!(seen, ["200", "500", "200", "500", "none"]);
        let account = peer.account();
        assert_eq!(
            (
                account.requests,
                account.answered,
                account.failed,
                account.closed
            ),
            (5, 2, 2, 1)
        );
        let told = ask(&mut connect(&peer), "/account");
        let (_, body) = told.split_once("\r\n\r\n").unwrap();
        let told: serde_json::Value = serde_json::from_str(body).unwrap();
        assert_eq!(told["failed"], 2);
        assert_eq!(peer.account().requests, 5, "asking is no request");
    }

    #[test]
    fn a_lost_request_is_never_answered_and_others_are() {
        let script = Script {
            lose_each: Some(3),
            ..Script::PLAIN
        };
        let peer = Peer::start(script).unwrap();
        let mut streams: Vec<_> = (0..3).map(|_| connect(&peer)).collect();
        streams[2]
            .set_read_timeout(Some(Duration::from_millis(50)))
            .unwrap();
        let answers: Vec<String> = streams.iter_mut().map(|it| ask(it, "/")).collect();
        assert!(answers[0].ends_with("Hello World") && answers[1].ends_with("Hello World"));
        assert_eq!(answers[2], "");
        assert_eq!((peer.account().answered, peer.account().lost), (2, 1));
    }

    #[test]
    fn it_pauses_after_each_so_many_requests() {
        let length = Duration::from_millis(60);
        let script = Script {
            freeze_after: Some(FreezeAfter {
                requests: 2,
                length,
            }),
            ..Script::PLAIN
        };
        let peer = Peer::start(script).unwrap();
        let mut stream = connect(&peer);
        let begun = Instant::now();
        for _ in 0..4 {
            ask(&mut stream, "/");
        }
        assert!(begun.elapsed() >= 2 * length);
        assert_eq!(peer.account().freezes, 2);
    }

    #[test]
    fn a_frozen_worker_holds_up_its_own_connections_only() {
        let forever = Duration::from_secs(3600);
        let script = Script {
            freeze: Some(Freeze {
                length: forever,
                period: forever,
            }),
            frozen_workers: Some(1),
            workers: 4,
            ..Script::PLAIN
        };
        let peer = Peer::start(script).unwrap();
        let mut streams: Vec<_> = (0..8).map(|_| connect(&peer)).collect();
        for number in [0, 4] {
            streams[number]
                .set_read_timeout(Some(Duration::from_millis(50)))
                .unwrap();
        }
        let answers = streams.iter_mut().map(|it| !ask(it, "/").is_empty());
        let answered: Vec<bool> = answers.collect();
        assert_eq!(answered, [false, true, true, true, false, true, true, true]);
    }

    #[test]
    fn a_connection_to_be_closed_is_closed() {
        let peer = Peer::start(Script::PLAIN).unwrap();
        let mut stream = connect(&peer);
        stream
            .write_all(b"GET / HTTP/1.1\r\nhost: peer\r\nconnection: close\r\n\r\n")
            .unwrap();
        let mut answer = String::new();
        stream.read_to_string(&mut answer).unwrap();
        assert!(answer.contains("connection: close") && answer.ends_with("Hello World"));
    }
}
