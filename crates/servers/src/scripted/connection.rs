//! One connection, request after request, as the script says.

use std::hint::black_box;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use bytes::{Buf as _, BytesMut};
use http1::Head;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

use timer::Alarms;

use super::Shared;
use super::account::Account;
use super::pauses::Pauses;
use super::script::Act;
use crate::lanes::Serve;

/// Longest head of a request.
const MAX_HEAD_BYTES: usize = 16 * 1024;
/// What the built-in servers answer to `/`, so that comparisons accept it. It is the answer to every path but one.
const ANSWER: Reply = ("200 OK", "text/plain; charset=utf-8", "Hello World");
const FAILURE: Reply = ("500 Internal Server Error", "text/plain; charset=utf-8", "");
/// Where the account is told. Asking for it is no request of the script.
const ACCOUNT: &str = "/account";

/// Status, type and body.
type Reply<'a> = (&'a str, &'a str, &'a str);

/// What serves some of the connections, on a thread of its own.
pub(super) struct Worker {
    pub(super) shared: Arc<Shared>,
    pub(super) pauses: Pauses,
    pub(super) alarms: Alarms,
    pub(super) number: usize,
}

/// A request, as far as it matters here.
struct Asked {
    at: Instant,
    for_account: bool,
    keep_alive: bool,
}

/// What comes of a request.
enum Outcome {
    Reply(Reply<'static>),
    /// Nothing, on a connection that stays open.
    Silence,
    Close,
}

impl Serve for Worker {
    async fn serve(&self, mut stream: tokio::net::TcpStream) -> std::io::Result<()> {
        let mut received = BytesMut::with_capacity(1024);
        while let Some(asked) = next(&mut stream, &mut received).await? {
            let account;
            let reply = if asked.for_account {
                account = serde_json::to_string(&self.shared.account())?;
                ("200 OK", "application/json", account.as_str())
            } else {
                match self.outcome(&asked).await {
                    Outcome::Reply(reply) => reply,
                    Outcome::Silence => return wait_for_end(&mut stream).await,
                    Outcome::Close => return Ok(()),
                }
            };
            stream.write_all(&spelt(reply, asked.keep_alive)).await?;
            if !asked.keep_alive {
                return stream.shutdown().await;
            }
        }
        Ok(())
    }
}

impl Worker {
    /// Does what the script says of this request, and accounts for it.
    async fn outcome(&self, asked: &Asked) -> Outcome {
        self.pauses.stand_still();
        let number = self.shared.requests.fetch_add(1, Ordering::SeqCst);
        self.note(|account| account.requests += 1);
        if let Some(length) = self.shared.script.freeze_after(number) {
            self.shared.stalls.add(Instant::now(), length);
            self.note(|account| account.freezes += 1);
        }
        let act = self.shared.script.act(number);
        match act {
            Act::Answer(delay) | Act::AnswerSlowly(delay) => {
                self.work(delay).await;
                let is_slow = matches!(act, Act::AnswerSlowly(_));
                self.note(|account| account.answer(asked.at.elapsed(), is_slow));
                Outcome::Reply(ANSWER)
            }
            Act::Fail => {
                self.note(|account| account.failed += 1);
                Outcome::Reply(FAILURE)
            }
            Act::Close => {
                self.note(|account| account.closed += 1);
                Outcome::Close
            }
            Act::Lose => {
                self.note(|account| account.lost += 1);
                Outcome::Silence
            }
        }
    }

    /// Computes, and lets so much time pass by the server's own clock, which stands still when the server does.
    async fn work(&self, delay: Duration) {
        let (begun, stood) = (Instant::now(), self.pauses.stood());
        black_box(contract::kernel::compute(self.shared.script.cpu_units));
        loop {
            self.pauses.stand_still();
            let worked = begun.elapsed().saturating_sub(self.pauses.stood() - stood);
            if worked >= delay {
                return;
            }
            let wake = Instant::now() + (delay - worked);
            self.alarms.sleep_until(wake).await;
        }
    }

    fn note(&self, write: impl FnOnce(&mut Account)) {
        self.shared.books[self.number].note(write);
    }
}

async fn wait_for_end(stream: &mut tokio::net::TcpStream) -> std::io::Result<()> {
    tokio::io::copy(stream, &mut tokio::io::sink())
        .await
        .map(drop)
}

/// The next request of a connection; `None` at its end, and where what came is none.
async fn next(
    stream: &mut tokio::net::TcpStream,
    received: &mut BytesMut,
) -> std::io::Result<Option<Asked>> {
    loop {
        if !received.is_empty() {
            match Head::parse(received, MAX_HEAD_BYTES) {
                Err(_) => return Ok(None),
                Ok(None) => {}
                Ok(Some((head, length))) => {
                    let asked = Asked {
                        at: Instant::now(),
                        for_account: head.path == ACCOUNT,
                        keep_alive: head.keep_alive,
                    };
                    received.advance(length);
                    return Ok(Some(asked));
                }
            }
        }
        if stream.read_buf(received).await? == 0 {
            return Ok(None);
        }
    }
}

fn spelt((status, content_type, body): Reply<'_>, keep_alive: bool) -> Vec<u8> {
    let close = if keep_alive {
        ""
    } else {
        "connection: close\r\n"
    };
    let length = body.len();
    format!(
        "HTTP/1.1 {status}\r\ncontent-type: {content_type}\r\ncontent-length: {length}\r\n{close}\r\n{body}"
    )
    .into_bytes()
}
