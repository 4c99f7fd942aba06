//! Binding and accepting.

use std::{
    io::{self, Read, Write},
    net::{Shutdown as Half, TcpListener},
    sync::Arc,
    time::Duration,
};

use http1::{HttpDate, Version};
use socket2::{Domain, Socket, Type};
use tokio::{
    net::TcpStream,
    runtime::{Builder, Runtime},
};
use workload::Answer;

use crate::{
    Config, Drained, Error, Flavor, Model, Shutdown,
    app::{self, App},
    connection::{self, encode},
    framework,
    peers::Peers,
    routes,
};

/// How long to wait before accepting again when the process has no descriptor left, or the like.
const ACCEPT_BACK_OFF: Duration = Duration::from_millis(10);

/// Listens where `config` says.
///
/// # Errors
///
/// [`Error::Listen`] when the operating system refuses.
pub fn bind(config: &Config) -> Result<TcpListener, Error> {
    let listen = || -> io::Result<TcpListener> {
        let socket = Socket::new(Domain::for_address(config.addr), Type::STREAM, None)?;
        socket.set_reuse_address(true)?;
        socket.bind(&config.addr.into())?;
        socket.listen(i32::try_from(config.limits.backlog).unwrap_or(i32::MAX))?;
        socket.set_nonblocking(true)?;
        Ok(socket.into())
    };
    listen().map_err(|source| Error::Listen {
        addr: config.addr,
        source,
    })
}

/// Serves what `listener` (from [`bind`]) accepts until `shutdown` is triggered and what was in
/// flight is finished. Blocks; it makes a runtime of its own.
///
/// # Errors
///
/// [`Error::Runtime`] when its threads can't be made.
pub fn run(listener: TcpListener, config: Config, shutdown: &Shutdown) -> Result<Drained, Error> {
    let runtime = runtime(&config).map_err(Error::Runtime)?;
    let file = app::temporary_file().map_err(Error::TemporaryFile)?;
    let app = {
        let _inside = runtime.enter();
        App::start(config, file.to_path_buf()).map_err(Error::Runtime)?
    };
    let app = Arc::new(app);
    // On a task, not in `block_on`: what is accepted then starts on the worker that accepted it.
    let serving = runtime.spawn(serve(listener, app.clone(), shutdown.clone()));
    let drained = runtime.block_on(serving);
    // Work that nobody waits for any more must not hold up the end.
    runtime.shutdown_background();
    drained
        .map_err(|error| Error::Runtime(io::Error::other(error)))?
        .map_err(Error::Runtime)
}

fn runtime(config: &Config) -> io::Result<Runtime> {
    let mut builder = match config.flavor {
        Flavor::MultiThread => Builder::new_multi_thread(),
        Flavor::CurrentThread => Builder::new_current_thread(),
    };
    builder
        .worker_threads(config.worker_threads)
        .enable_all()
        .build()
}

async fn serve(listener: TcpListener, app: Arc<App>, shutdown: Shutdown) -> io::Result<Drained> {
    let listener = tokio::net::TcpListener::from_std(listener)?;
    let door = Door::new(&app);
    tokio::select! {
        never = accept(&listener, &app, &door) => match never {},
        () = shutdown.wait() => {}
    }
    drop(listener);
    app.peers.stop();
    let cut = app.peers.drain(app.config.limits.drain_timeout()).await;
    Ok(Drained { cut })
}

async fn accept(
    listener: &tokio::net::TcpListener,
    app: &Arc<App>,
    door: &Door,
) -> std::convert::Infallible {
    loop {
        match listener.accept().await {
            Ok((stream, _)) => door.serve(app, stream),
            // The client gave up while it was waiting.
            Err(error) if error.kind() == io::ErrorKind::ConnectionAborted => {}
            Err(_) => tokio::time::sleep(ACCEPT_BACK_OFF).await,
        }
    }
}

/// By which code a connection is served.
enum Door {
    Bare,
    Axum(axum::Router),
}

impl Door {
    fn new(app: &Arc<App>) -> Self {
        match app.config.model {
            Model::Bare => Self::Bare,
            Model::Axum => Self::Axum(routes::router(app.clone())),
        }
    }

    /// Serves a connection on a task of its own.
    fn serve(&self, app: &Arc<App>, stream: TcpStream) {
        let Some((peer, seat)) = Peers::admit(app) else {
            return refuse(stream, "too many connections");
        };
        let app = app.clone();
        match self {
            Self::Bare => {
                tokio::spawn(async move {
                    let _seat = seat;
                    connection::serve(&app, &peer, stream).await;
                });
            }
            Self::Axum(router) => {
                let router = router.clone();
                tokio::spawn(framework::serve(app, peer, seat, stream, router));
            }
        }
    }
}

/// Answers 503 without waiting for anything: the task that accepts has others to serve.
fn refuse(stream: TcpStream, reason: &str) {
    // Still non-blocking. Should one of these fail, the client sees a closed connection instead.
    let Ok(mut stream) = stream.into_std() else {
        return;
    };
    let mut answer = Vec::new();
    let refusal = Answer::no_room(reason);
    encode(
        &refusal,
        Version::Http11,
        false,
        HttpDate::default().now(),
        &mut answer,
    );
    answer.extend_from_slice(&refusal.body);
    let _ = stream.write(&answer);
    let _ = stream.shutdown(Half::Write);
    // Closing with bytes unread would reset the connection, and the answer with it.
    let _ = stream.read(&mut [0; 4096]);
}
