//! Why a server does not work under a load: from the error, the process's last words and the counts.

use engine::{ConnectError, ErrorCounts, ErrorKind, FetchError, Measurement};
use record::CellResult;
use record::sweep::{StopCause, Stopped};

use bench::limits::Threads;
use bench::server_under_test::ServerUnderTest;

/// Unanswered connections tolerated when each is asked once: one in a hundred.
const TOLERATED: u64 = 100;

/// A server that could not be connected, or ended.
pub(super) fn of_error(sut: &mut ServerUnderTest, error: &anyhow::Error) -> Stopped {
    sut.await_end();
    let ended = ended(sut);
    let reason = ended.clone().unwrap_or_else(|| format!("{error:#}"));
    let cause = match (error.downcast_ref::<ConnectError>(), &ended) {
        (Some(ConnectError::Descriptors(_)), _) => StopCause::Descriptors,
        (Some(ConnectError::Connections { errors, .. }), None) if errors.ports > 0 => {
            StopCause::Ports
        }
        (Some(ConnectError::Connections { errors, .. }), None)
            if mostly(errors.connect_timeout, errors) =>
        {
            StopCause::Unanswered
        }
        (_, ended) => cause_in_words(&words(sut, &reason), ended.is_some()),
    };
    Stopped {
        cause,
        reason,
        inferred: false,
    }
}

/// Whether an error of a block is this server's.
pub(super) fn is_to_blame(sut: &mut ServerUnderTest, error: &anyhow::Error) -> bool {
    let named = match error.downcast_ref::<ConnectError>() {
        Some(ConnectError::Connections { target, .. }) => *target == sut.label,
        _ => false,
    };
    named || {
        sut.await_end();
        ended(sut).is_some()
    }
}

/// Whether a server that did not stand its load is worth a second look: one that ended is not.
pub(super) fn is_worth_another_look(sut: &mut ServerUnderTest) -> bool {
    ended(sut).is_none()
}

/// A server that was asked for one answer before any load and did not give it in time; `None` for errors of
/// another kind.
pub(super) fn of_unanswered(error: &anyhow::Error) -> Option<Stopped> {
    match error.downcast_ref::<FetchError>() {
        Some(FetchError::Failed {
            kind: ErrorKind::Timeout | ErrorKind::ConnectTimeout,
            ..
        }) => Some(Stopped {
            cause: StopCause::Unanswered,
            reason: format!("{error:#}"),
            inferred: false,
        }),
        _ => None,
    }
}

/// How many connections were asked once, and what is known of the server that was asked.
#[derive(Debug, Clone, Copy)]
pub(super) struct Probed {
    /// Connections.
    pub connections: u64,
    /// Whether they stay open after an answer.
    pub keep_alive: bool,
    /// How the server makes threads of connections; `None` where that is not known.
    pub threads: Option<Threads>,
}

/// Every connection was asked once: those without an answer are not served.
pub(super) fn of_probe(
    sut: &mut ServerUnderTest,
    probe: &Measurement,
    probed: Probed,
) -> Option<Stopped> {
    let connections = probed.connections;
    let unanswered = connections.saturating_sub(probe.requests);
    if unanswered * TOLERATED <= connections && probe.requests > 0 {
        return None;
    }
    let ended = ended(sut);
    let refused = probe.status_codes.get(&503).copied().unwrap_or(0);
    let mut reason = format!(
        "{unanswered} of {connections} connections got no answer ({})",
        probe.errors
    );
    if refused > 0 {
        reason += &format!("; {refused} were refused with status 503");
    }
    if let Some(ended) = &ended {
        reason += &format!("; the server {ended}");
    }
    let cause = match () {
        () if probe.errors.ports > 0 => StopCause::Ports,
        () if ended.is_none() && mostly(probe.errors.timeout, &probe.errors) => {
            cause_of_silence(probed, unanswered)
        }
        // A blocking server that has no thread for a connection says so with this status; others may
        // have any reason.
        () if mostly(refused, &probe.errors) && has_threads(probed.threads) => StopCause::Threads,
        () => cause_in_words(&words(sut, &reason), ended.is_some()),
    };
    Some(Stopped {
        cause,
        reason,
        inferred: false,
    })
}

/// A server that failed more often than it answered.
pub(super) fn of_result(result: &CellResult) -> Option<Stopped> {
    let errors = result.errors;
    if result.requests > 0 && errors.total <= result.requests {
        return None;
    }
    let cause = match () {
        () if errors.ports > 0 => StopCause::Ports,
        () if errors.timeout * 2 > errors.total => StopCause::Unanswered,
        () => StopCause::Other,
    };
    let reason = format!(
        "{} requests were answered and {} failed",
        result.requests, errors.total
    );
    Some(Stopped {
        cause,
        reason,
        inferred: false,
    })
}

fn ended(sut: &mut ServerUnderTest) -> Option<String> {
    let process = sut.process.as_mut()?;
    process.exited()?;
    Some(process.how_it_ended())
}

/// What connections lack that stay open and are never answered. Each thread of a pool serves one connection
/// until it closes, so those beyond the pool wait for ever; elsewhere silence does not say why.
fn cause_of_silence(probed: Probed, unanswered: u64) -> StopCause {
    match probed.threads {
        Some(Threads::Pool { threads, .. })
            if probed.keep_alive
                && probed.connections > threads
                && unanswered >= probed.connections - threads =>
        {
            StopCause::Threads
        }
        _ => StopCause::Unanswered,
    }
}

fn has_threads(threads: Option<Threads>) -> bool {
    matches!(threads, Some(Threads::PerConnection | Threads::Pool { .. }))
}

fn mostly(some: u64, errors: &ErrorCounts) -> bool {
    some * 2 > errors.total()
}

/// What is said about it, the server's own words included.
fn words(sut: &ServerUnderTest, reason: &str) -> String {
    let own = sut
        .process
        .as_ref()
        .map(|process| process.stderr_note())
        .unwrap_or_default();
    format!("{reason} {own}").to_lowercase()
}

/// The operating system's error messages name what is missing.
fn cause_in_words(words: &str, ended: bool) -> StopCause {
    let says = |any: &[&str]| any.iter().any(|part| words.contains(part));
    match () {
        () if says(&["too many open files", "os error 24", "os error 23"]) => {
            StopCause::Descriptors
        }
        () if says(&["cannot allocate memory", "out of memory", "os error 12"]) => {
            StopCause::Memory
        }
        () if says(&[
            "cannot start a thread",
            "spawn",
            "resource temporarily unavailable",
            "os error 11",
            "os error 35",
        ]) =>
        {
            StopCause::Threads
        }
        () if says(&["address not available", "os error 99", "os error 49"]) => StopCause::Ports,
        () if ended => StopCause::Ended,
        () => StopCause::Other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn silence_is_want_of_threads_only_beyond_a_pool() {
        let cause = |threads, keep_alive, connections, unanswered| {
            let probed = Probed {
                connections,
                keep_alive,
                threads,
            };
            cause_of_silence(probed, unanswered)
        };
        let pool = Some(Threads::Pool {
            threads: 200,
            queue: 10,
        });
        assert_eq!(cause(pool, true, 316, 116), StopCause::Threads);
        for (threads, keep_alive, connections, unanswered) in [
            (pool, true, 200, 1),
            (pool, true, 316, 5),
            (pool, false, 316, 116),
            (Some(Threads::PerConnection), true, 316, 116),
            (Some(Threads::Few), true, 1, 1),
            (None, true, 1, 1),
        ] {
            assert_eq!(
                cause(threads, keep_alive, connections, unanswered),
                StopCause::Unanswered,
                "{threads:?} {connections}"
            );
        }
    }

    #[test]
    fn the_system_s_words_name_the_cause() {
        for (words, ended, cause) in [
            (
                "accept: too many open files (os error 24)",
                false,
                StopCause::Descriptors,
            ),
            (
                "failed to spawn thread: resource temporarily unavailable (os error 11)",
                true,
                StopCause::Threads,
            ),
            (
                "cannot allocate memory (os error 12)",
                true,
                StopCause::Memory,
            ),
            (
                "3 of 10 connections made: address not available",
                false,
                StopCause::Ports,
            ),
            ("ended (signal: 9)", true, StopCause::Ended),
            ("connection refused", false, StopCause::Other),
        ] {
            assert_eq!(cause_in_words(words, ended), cause, "{words}");
        }
    }
}
