//! A listener, and a few threads that carry thousands of connections: the connection of number c goes to the thread of
//! number c modulo how many there are. So a server of ours that plays a part in a measurement is not what limits it.

use std::future::Future;
use std::io::Write;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::channel;
use std::thread;
use std::time::Duration;

use anyhow::Context as _;
use server_core::lifetime::Lifetime;
use server_core::ready::Ready;
use socket2::{Domain, Socket, Type};
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

/// Connections that may wait to be accepted.
const BACKLOG: i32 = 4096;

/// What serves the connections of one thread.
pub trait Serve: Send + Sync + 'static {
    /// Serves a connection to its end.
    fn serve(
        &self,
        stream: tokio::net::TcpStream,
    ) -> impl Future<Output = std::io::Result<()>> + Send;
}

/// They end when this is dropped.
pub struct Lanes {
    addr: SocketAddr,
    stop: Arc<AtomicBool>,
}

impl Lanes {
    /// Listens at an address; `server` makes what serves on the thread of a number, inside that thread's runtime.
    ///
    /// # Errors
    /// When the address cannot be listened on, or no thread be started.
    pub fn start<S: Serve>(
        addr: SocketAddr,
        threads: usize,
        server: impl Fn(usize) -> std::io::Result<S>,
    ) -> std::io::Result<Self> {
        let listener = listen(addr)?;
        let addr = listener.local_addr()?;
        let lanes = (0..threads)
            .map(|number| lane(number, &server))
            .collect::<std::io::Result<Vec<_>>>()?;
        let stop = Arc::new(AtomicBool::new(false));
        thread::Builder::new().name("accept".to_owned()).spawn({
            let stop = Arc::clone(&stop);
            move || accept(&listener, &lanes, &stop)
        })?;
        Ok(Self { addr, stop })
    }

    /// Where it listens.
    pub fn addr(&self) -> SocketAddr {
        self.addr
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::SeqCst);
        // Wakes the listener, which then sees that it shall stop; its threads end with it.
        TcpStream::connect(self.addr).ok();
    }
}

/// Keeps what `start` starts, and listens at the address it gives, until SIGTERM or until the pipe on standard input
/// closes. Says on `out` when it is ready, under `name` and with its configuration.
///
/// # Errors
/// When it cannot start.
pub fn serve_to_the_end<T>(
    name: &str,
    config: impl serde::Serialize,
    out: impl Write,
    start: impl FnOnce() -> anyhow::Result<(SocketAddr, T)>,
) -> anyhow::Result<()> {
    let lifetime = Lifetime::begin().context("cannot hold back signals")?;
    let (stop, stopped) = channel::<()>();
    lifetime
        .on_end(move || drop(stop))
        .context("cannot start a thread")?;
    let (addr, _serving) = start()?;
    Ready::new(name, addr, config)
        .announce(out)
        .context("cannot write to standard output")?;
    // Nothing is ever sent: this ends when the sender is dropped.
    stopped.recv().unwrap_or(());
    Ok(())
}

fn listen(addr: SocketAddr) -> std::io::Result<TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, None)?;
    socket.set_reuse_address(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

fn accept(listener: &TcpListener, lanes: &[UnboundedSender<TcpStream>], stop: &AtomicBool) {
    let mut lanes = lanes.iter().cycle();
    for stream in listener.incoming() {
        if stop.load(Ordering::SeqCst) {
            return;
        }
        match (stream, lanes.next()) {
            (Ok(stream), Some(lane)) => {
                // A thread that is gone takes its connections with it.
                lane.send(stream).ok();
            }
            // No descriptor is left: one may be, once a connection has ended.
            _ => thread::sleep(Duration::from_millis(10)),
        }
    }
}

/// Starts a thread; connections sent to it are served until the sender is dropped.
fn lane<S: Serve>(
    number: usize,
    server: &impl Fn(usize) -> std::io::Result<S>,
) -> std::io::Result<UnboundedSender<TcpStream>> {
    let (lane, connections) = unbounded_channel();
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()?;
    let server = {
        let _inside = runtime.enter();
        Arc::new(server(number)?)
    };
    thread::Builder::new()
        .name(format!("worker-{number}"))
        .spawn(move || runtime.block_on(serve(&server, connections)))?;
    Ok(lane)
}

async fn serve<S: Serve>(server: &Arc<S>, mut connections: UnboundedReceiver<TcpStream>) {
    while let Some(stream) = connections.recv().await {
        let server = Arc::clone(server);
        // A client that goes away ends its connection, nothing else.
        tokio::spawn(async move {
            if let Ok(stream) = prepared(stream) {
                server.serve(stream).await.ok();
            }
        });
    }
}

fn prepared(stream: TcpStream) -> std::io::Result<tokio::net::TcpStream> {
    stream.set_nodelay(true)?;
    stream.set_nonblocking(true)?;
    tokio::net::TcpStream::from_std(stream)
}
