//! Why a server does not work under a load: from the error, the process's last words and the counts.

use engine::{ConnectError, ErrorCounts, Measurement};
use report::record::CellResult;
use report::sweep::record::{StopCause, Stopped};

use crate::arm::Arm;

/// Unanswered connections tolerated when each is asked once: one in a hundred.
const TOLERATED: u64 = 100;

/// A server that could not be connected, or ended.
pub fn of_error(arm: &mut Arm, error: &anyhow::Error) -> Stopped {
    let ended = ended(arm);
    let reason = ended.clone().unwrap_or_else(|| format!("{error:#}"));
    let cause = match (error.downcast_ref::<ConnectError>(), &ended) {
        (Some(ConnectError::Descriptors(_)), _) => StopCause::Descriptors,
        (Some(ConnectError::Connections { errors, .. }), None) if errors.ports > 0 => {
            StopCause::Ports
        }
        (_, ended) => cause_in_words(&words(arm, &reason), ended.is_some()),
    };
    Stopped {
        cause,
        reason,
        inferred: false,
    }
}

/// Whether an error of a block is this server's.
pub fn is_to_blame(arm: &mut Arm, error: &anyhow::Error) -> bool {
    let named = match error.downcast_ref::<ConnectError>() {
        Some(ConnectError::Connections { target, .. }) => *target == arm.label,
        _ => false,
    };
    named || ended(arm).is_some()
}

/// Every connection was asked once: those without an answer are not served.
pub fn of_probe(arm: &mut Arm, probe: &Measurement, connections: u64) -> Option<Stopped> {
    let unanswered = connections.saturating_sub(probe.requests);
    if unanswered * TOLERATED <= connections && probe.requests > 0 {
        return None;
    }
    let ended = ended(arm);
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
        // Connections that stay open and are never answered wait for somebody who has time for them;
        // 503 says the same in so many words.
        () if ended.is_none() && mostly(probe.errors.timeout, &probe.errors) => StopCause::Threads,
        () if mostly(refused, &probe.errors) => StopCause::Threads,
        () => cause_in_words(&words(arm, &reason), ended.is_some()),
    };
    Some(Stopped {
        cause,
        reason,
        inferred: false,
    })
}

/// A server that failed more often than it answered.
pub fn of_result(result: &CellResult) -> Option<Stopped> {
    let errors = result.errors;
    if result.requests > 0 && errors.total <= result.requests {
        return None;
    }
    let cause = if errors.ports > 0 {
        StopCause::Ports
    } else {
        StopCause::Other
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

fn ended(arm: &mut Arm) -> Option<String> {
    let process = arm.process.as_mut()?;
    process.exited()?;
    Some(process.how_it_ended())
}

fn mostly(some: u64, errors: &ErrorCounts) -> bool {
    some * 2 > errors.total()
}

/// What is said about it, the server's own words included.
fn words(arm: &Arm, reason: &str) -> String {
    let own = arm
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
