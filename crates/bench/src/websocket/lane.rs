//! One thread's share of the connections to a server, with a runtime of its own.

use std::cell::RefCell;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use engine::Measurement;
use futures_util::stream::{FuturesUnordered, StreamExt as _};
use tokio::net::TcpStream;
use tokio::runtime::Runtime;
use tokio_tungstenite::WebSocketStream;

use super::recorder::{Recorder, SliceSums};
use super::room::Round;
use super::{Endpoint, Pattern, Window, echo, room};
use crate::interrupt;

/// Connections that are being made at once, over all lanes.
const CONNECTING_AT_ONCE: usize = 128;

/// An open WebSocket.
pub(super) type Socket = WebSocketStream<TcpStream>;

/// A place for a connection. It is empty after the connection has failed.
pub(super) struct Seat {
    /// The connection.
    pub socket: Option<Socket>,
    /// Messages of it that counted.
    pub served: u64,
    /// Whether it is the one that speaks in a room, to whom nothing is delivered.
    pub speaks: bool,
    /// Number of the next message, so that a lost or repeated one shows.
    pub next: u64,
}

/// What all lanes do in a slice.
pub(super) struct Job {
    pattern: Pattern,
    window: Window,
    round: Round,
}

/// The lane.
pub(super) struct Lane {
    runtime: Runtime,
    seats: Vec<Seat>,
    wanted: usize,
    recorder: Recorder,
}

impl Job {
    /// A slice over so many connections.
    pub(super) fn new(pattern: Pattern, window: Window, connections: usize) -> Self {
        Self {
            pattern,
            window,
            round: Round::new(connections),
        }
    }
}

impl Lane {
    /// A lane that will have so many connections.
    pub(super) fn new(connections: usize) -> anyhow::Result<Self> {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build()
            .context("cannot start a runtime for WebSocket connections")?;
        Ok(Self {
            runtime,
            seats: Vec::with_capacity(connections),
            wanted: connections,
            recorder: Recorder::default(),
        })
    }

    /// How many connections it has now.
    pub(super) fn connections(&self) -> usize {
        self.seats
            .iter()
            .filter(|seat| seat.socket.is_some())
            .count()
    }

    /// Makes all its connections.
    ///
    /// # Errors
    /// When one of them cannot be made in time.
    pub(super) fn connect(
        &mut self,
        endpoint: &Endpoint,
        timeout: Duration,
        lanes: usize,
    ) -> anyhow::Result<()> {
        let at_once = (CONNECTING_AT_ONCE / lanes).max(1);
        let Self {
            runtime,
            seats,
            wanted,
            recorder,
        } = self;
        runtime.block_on(async {
            let dials = (0..*wanted).map(|_| dial(endpoint, timeout));
            let mut dialled = futures_util::stream::iter(dials).buffer_unordered(at_once);
            while let Some(result) = dialled.next().await {
                if interrupt::requested() {
                    bail!("interrupted while connections were made");
                }
                let (socket, took) = result?;
                recorder.connected(took);
                seats.push(Seat {
                    socket: Some(socket),
                    served: 0,
                    speaks: false,
                    next: 0,
                });
            }
            Ok(())
        })
    }

    /// Does its part of a slice; what came of it. The first lane has the one who speaks in a room.
    pub(super) fn run(&mut self, job: &Job, is_first: bool) -> SliceSums {
        self.recorder.slice = SliceSums::default();
        self.recorder.total.measured += job.window.end - job.window.start;
        let recorder = RefCell::new(&mut self.recorder);
        let seats = &mut self.seats;
        self.runtime.block_on(async {
            match job.pattern {
                Pattern::Echo => {
                    let all: FuturesUnordered<_> = seats
                        .iter_mut()
                        .map(|seat| echo::drive(seat, &job.window, &recorder))
                        .collect();
                    all.collect::<()>().await;
                }
                Pattern::Room => {
                    let (speaker, listeners) = match (is_first, &mut seats[..]) {
                        (true, [first, rest @ ..]) => (Some(first), rest),
                        (_, all) => (None, all),
                    };
                    let all: FuturesUnordered<_> = listeners
                        .iter_mut()
                        .map(|seat| room::listen(seat, &job.window, &job.round, &recorder))
                        .collect();
                    let speak = async {
                        if let Some(seat) = speaker {
                            seat.speaks = true;
                            room::speak(seat, &job.window, &job.round, &recorder).await;
                        }
                    };
                    tokio::join!(all.collect::<()>(), speak);
                }
            }
        });
        self.recorder.slice
    }

    /// What was seen since the last time, with the messages of each connection that could get some.
    pub(super) fn take(&mut self) -> Measurement {
        let mut taken = std::mem::take(&mut self.recorder.total);
        let served = self.seats.iter_mut().filter(|seat| !seat.speaks);
        taken.connections.requests_per_connection = served
            .map(|seat| std::mem::take(&mut seat.served))
            .collect();
        taken
    }
}

/// One connection, and how long it took to make.
async fn dial(endpoint: &Endpoint, timeout: Duration) -> anyhow::Result<(Socket, Duration)> {
    let begin = Instant::now();
    let dialling = async {
        let stream = TcpStream::connect(endpoint.address).await?;
        stream.set_nodelay(true)?;
        let (socket, _) = tokio_tungstenite::client_async(&endpoint.url, stream).await?;
        anyhow::Ok(socket)
    };
    match tokio::time::timeout(timeout, dialling).await {
        Ok(Ok(socket)) => Ok((socket, begin.elapsed())),
        Ok(Err(error)) => Err(error.context(format!("cannot open {}", endpoint.url))),
        Err(_) => bail!("{} was not open after {timeout:?}", endpoint.url),
    }
}
