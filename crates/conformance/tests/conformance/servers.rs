//! The servers under test.

use std::{net::SocketAddr, sync::LazyLock, thread};

use server_core::{Faults, Limits, Waiting};
use telemetry::Settings;

/// One of the four.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    Sync,
    SyncPool,
    AsyncBare,
    Async,
}

pub(crate) const ALL: [Kind; 4] = [Kind::Sync, Kind::SyncPool, Kind::AsyncBare, Kind::Async];

impl Kind {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Sync => "sync",
            Self::SyncPool => "sync-pool",
            Self::AsyncBare => "async-bare",
            Self::Async => "async",
        }
    }
}

/// A server in threads of this process; it stops when dropped.
pub(crate) enum Running {
    Sync(sync_server::Running),
    Async(async_server::Running),
}

impl Running {
    pub(crate) fn addr(&self) -> SocketAddr {
        match self {
            Self::Sync(server) => server.addr(),
            Self::Async(server) => server.addr(),
        }
    }

    /// Stops it and returns how many connections had to be cut.
    pub(crate) fn stop(self) -> usize {
        match self {
            Self::Sync(server) => server.stop().expect("stops").cut,
            Self::Async(server) => server.stop().expect("stops").cut,
        }
    }
}

/// Starts a server with these limits and faults.
pub(crate) fn start(kind: Kind, limits: Limits, faults: Faults) -> Running {
    start_with(kind, limits, faults, None)
}

/// The same with services to ask.
pub(crate) fn start_with(
    kind: Kind,
    limits: Limits,
    faults: Faults,
    backend: Option<SocketAddr>,
) -> Running {
    start_given(
        kind,
        Given {
            limits,
            faults,
            backend,
            ..Given::default()
        },
    )
}

/// What a server is told; the rest is its default.
#[derive(Default)]
pub(crate) struct Given {
    pub(crate) limits: Limits,
    pub(crate) faults: Faults,
    pub(crate) backend: Option<SocketAddr>,
    pub(crate) waiting: Waiting,
    pub(crate) telemetry: Settings,
}

/// Starts a server that is told all this.
pub(crate) fn start_given(kind: Kind, given: Given) -> Running {
    let Given {
        limits,
        faults,
        backend,
        waiting,
        telemetry,
    } = given;
    let blocking = |model| {
        let (limits, faults, telemetry) = (limits.clone(), faults.clone(), telemetry.clone());
        let config = sync_server::Config {
            model,
            limits,
            faults,
            backend,
            waiting,
            telemetry,
            ..sync_server::Config::default()
        };
        Running::Sync(sync_server::start(config).expect("starts"))
    };
    let suspending = |model| {
        let (limits, faults, telemetry) = (limits.clone(), faults.clone(), telemetry.clone());
        let config = async_server::Config {
            model,
            limits,
            faults,
            backend,
            waiting,
            telemetry,
            ..async_server::Config::default()
        };
        Running::Async(async_server::start(config).expect("starts"))
    };
    match kind {
        Kind::Sync => blocking(sync_server::Model::Thread),
        Kind::SyncPool => blocking(sync_server::Model::default_pool()),
        Kind::AsyncBare => suspending(async_server::Model::Bare),
        Kind::Async => suspending(async_server::Model::Axum),
    }
}

/// Where the servers with default settings listen, started once for all tests.
pub(crate) fn shared(kind: Kind) -> SocketAddr {
    static BACKEND: LazyLock<Running> =
        LazyLock::new(|| start(Kind::AsyncBare, Limits::default(), Faults::default()));
    static SERVERS: LazyLock<Vec<(Kind, Running)>> = LazyLock::new(|| {
        let backend = Some(BACKEND.addr());
        let default = |kind| {
            (
                kind,
                start_with(kind, Limits::default(), Faults::default(), backend),
            )
        };
        ALL.map(default).into()
    });
    let server = SERVERS.iter().find(|(known, _)| *known == kind);
    server.expect("all are started").1.addr()
}

/// The servers that have Axum's parts, or their blocking counterparts.
pub(crate) const FULL: [Kind; 3] = [Kind::Sync, Kind::SyncPool, Kind::Async];

/// Runs a test on all servers at once; a failure names the server.
pub(crate) fn on_all(test: impl Fn(Kind) + Sync) {
    on_each(ALL, test);
}

/// The same on some.
pub(crate) fn on_each<const N: usize>(kinds: [Kind; N], test: impl Fn(Kind) + Sync) {
    thread::scope(|scope| {
        let tests = kinds.map(|kind| {
            let test = &test;
            thread::Builder::new()
                .name(kind.name().to_owned())
                .spawn_scoped(scope, move || test(kind))
                .expect("a thread")
        });
        for (kind, test) in kinds.iter().zip(tests) {
            assert!(test.join().is_ok(), "failed on {}", kind.name());
        }
    });
}

/// The same on a server of its own with these limits and faults.
pub(crate) fn on_all_with(limits: &Limits, faults: &Faults, test: impl Fn(Kind, Running) + Sync) {
    on_all(|kind| test(kind, start(kind, limits.clone(), faults.clone())));
}
