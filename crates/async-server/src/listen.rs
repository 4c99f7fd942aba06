//! Binding and accepting.

use std::{
    io,
    net::TcpListener,
    sync::Arc,
    time::{SystemTime, UNIX_EPOCH},
};

use server_core::{file, listener};
use tokio::{
    net::TcpStream,
    runtime::{Builder, Runtime},
};

use crate::{
    Config, Drained, Error, Flavor, Model, Shutdown, app::App, connection, framework,
    refusal::refuse, routes,
};

/// Listens where `config` says.
///
/// # Errors
///
/// [`Error::Listen`] when the operating system refuses.
pub fn bind(config: &Config) -> Result<TcpListener, Error> {
    listener::bind(config.addr, config.limits.backlog)
        .and_then(|listener| listener.set_nonblocking(true).map(|()| listener))
        .map_err(|source| Error::Listen {
            addr: config.addr,
            source,
        })
}

/// Serves what `listener` (from [`bind`]) accepts until `shutdown` is triggered and what was in
/// flight is finished. Blocks; it makes a runtime of its own.
///
/// # Errors
///
/// [`Error::Runtime`] when its threads can't be made, [`Error::Clock`] when hyper could not serve.
pub fn run(listener: TcpListener, config: Config, shutdown: &Shutdown) -> Result<Drained, Error> {
    check_clock(config.model, SystemTime::now())?;
    let runtime = runtime(&config).map_err(Error::Runtime)?;
    let file = file::temporary().map_err(Error::TemporaryFile)?;
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

fn check_clock(model: Model, now: SystemTime) -> Result<(), Error> {
    match model {
        Model::Axum if now < UNIX_EPOCH => Err(Error::Clock),
        Model::Axum | Model::Bare => Ok(()),
    }
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
            Err(_) => tokio::time::sleep(listener::ACCEPT_BACK_OFF).await,
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
        let Some((peer, guard)) = app.peers.admit() else {
            return refuse(stream, "too many connections");
        };
        let app = app.clone();
        match self {
            Self::Bare => {
                tokio::spawn(async move {
                    let _guard = guard;
                    connection::serve(&app, &peer, stream).await;
                });
            }
            Self::Axum(router) => {
                let router = router.clone();
                tokio::spawn(framework::serve(app, peer, guard, stream, router));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::Duration;

    #[test]
    fn a_clock_that_hyper_can_t_tell_is_named() {
        let before = UNIX_EPOCH - Duration::from_secs(1);
        assert!(matches!(
            check_clock(Model::Axum, before),
            Err(Error::Clock)
        ));
        assert!(check_clock(Model::Axum, UNIX_EPOCH).is_ok());
        assert!(check_clock(Model::Bare, before).is_ok());
    }
}
