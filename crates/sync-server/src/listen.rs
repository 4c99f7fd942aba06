//! Binding and accepting.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, SocketAddr, TcpListener, TcpStream},
    sync::Arc,
    thread,
    time::Duration,
};

use server_core::Waiting;
use server_core::{file, listener};

use crate::{
    Config, Drained, Error, Model, Shutdown, app::App, connection, pool::Pool, refusal::refuse,
    waiting,
};

/// Listens where `config` says.
///
/// # Errors
///
/// [`Error::Listen`] when the operating system refuses.
pub fn bind(config: &Config) -> Result<TcpListener, Error> {
    listener::bind(config.addr, config.limits.backlog).map_err(|source| Error::Listen {
        addr: config.addr,
        source,
    })
}

/// Serves what `listener` accepts until `shutdown` is triggered and what was in flight is finished.
///
/// # Errors
///
/// [`Error::Thread`] when the threads it can't do without can't be made.
pub fn run(listener: &TcpListener, config: Config, shutdown: &Shutdown) -> Result<Drained, Error> {
    let addr = listener.local_addr().map_err(|source| Error::Listen {
        addr: config.addr,
        source,
    })?;
    let file = file::temporary().map_err(Error::TemporaryFile)?;
    if config.waiting == Waiting::Exact {
        waiting::sleep_precisely();
    }
    let app = Arc::new(App::new(config, file.to_path_buf()));
    let pool = match app.config.model {
        Model::Thread => None,
        Model::Pool { threads, queue } => Some(Pool::start(&app, threads, queue)?),
    };
    let stopper = {
        let (app, shutdown) = (app.clone(), shutdown.clone());
        thread::Builder::new().spawn(move || {
            shutdown.wait();
            app.peers.stop();
            wake(addr);
        })
    };
    let stopper = stopper.map_err(Error::Thread)?;

    accept(listener, &app, pool.as_ref());

    // It triggered the end of accepting, so it is about to end itself.
    let _ = stopper.join();
    if let Some(pool) = pool {
        pool.close();
    }
    let cut = app.peers.drain(app.config.limits.drain_timeout());
    Ok(Drained { cut })
}

fn accept(listener: &TcpListener, app: &Arc<App>, pool: Option<&Pool>) {
    while !app.peers.stopping() {
        match listener.accept() {
            // Only the stopper's own connection, or one that comes too late.
            Ok(_) if app.peers.stopping() => {}
            Ok((stream, _)) => match pool {
                Some(pool) => pool.offer(stream),
                None => serve_on_a_thread(app, stream),
            },
            // The client gave up while it was waiting.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(_) => thread::sleep(listener::ACCEPT_BACK_OFF),
        }
    }
}

fn serve_on_a_thread(app: &Arc<App>, stream: TcpStream) {
    let (peer, guard) = match app.peers.admit(stream) {
        Ok(admitted) => admitted,
        Err(stream) => return refuse(&stream, "too many connections"),
    };
    let thread = thread::Builder::new()
        .stack_size(app.config.stack_size_bytes)
        .spawn({
            let (app, peer) = (app.clone(), peer.clone());
            move || {
                let _guard = guard;
                connection::serve(&app, &peer);
            }
        });
    if thread.is_err() {
        refuse(&peer.stream, "no thread can be started for this connection");
    }
}

/// Lets a blocked `accept` return, by connecting to it.
fn wake(mut addr: SocketAddr) {
    if addr.ip().is_unspecified() {
        addr.set_ip(match addr {
            SocketAddr::V4(_) => Ipv4Addr::LOCALHOST.into(),
            SocketAddr::V6(_) => Ipv6Addr::LOCALHOST.into(),
        });
    }
    // If the queue of connections is full, `accept` is not blocked.
    let _ = TcpStream::connect_timeout(&addr, Duration::from_secs(1));
}
