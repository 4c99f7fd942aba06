//! Where each server ends, in plain words.

use record::limits::Ceiling;
use record::sweep::{Spot, StopCause, Stopped, SweepRecord, SweepServer};

/// Up to how many connections a server worked, and what ends it; `None` when it was never tried.
pub(super) fn end_of(record: &SweepRecord, name: &str, keep_alive: bool) -> Option<String> {
    let cells = record.cells.iter();
    let cells = cells.filter(|cell| cell.spot.keep_alive == keep_alive);
    let seen: Vec<(Spot, &SweepServer)> = cells
        .filter_map(|cell| Some((cell.spot, cell.server(name)?)))
        .collect();
    let mode = if record.config.keep_alive.len() > 1 && !keep_alive {
        " with a connection per request"
    } else {
        ""
    };
    let works = |server: &SweepServer| server.stopped.is_none() && server.result.is_some();
    let worked = seen.iter().filter(|(_, server)| works(server));
    let largest = worked.map(|(spot, _)| spot.concurrency).max();
    let stops = seen
        .iter()
        .filter_map(|(spot, server)| Some((*spot, server.stopped.as_ref()?)));
    let found = stops.clone().filter(|(_, stopped)| !stopped.inferred);
    if let Some((spot, stopped)) = found.min_by_key(|(spot, _)| spot.concurrency) {
        return Some(stop(name, spot, stopped, largest, mode));
    }
    let limit = record
        .ceilings
        .iter()
        .find(|ceiling| ceiling.server == name)
        .map_or_else(String::new, ceiling_words);
    let untried = stops.map(|(spot, _)| spot.concurrency).min();
    let untried = untried.map(|least| format::counted(u64::from(least), "connection"));
    match (largest, untried) {
        (Some(largest), untried) => Some(format!(
            "{name} still worked with {}{mode}, the most that were tried{}.{limit}",
            format::counted(u64::from(largest), "connection"),
            untried.map_or_else(String::new, |least| format!(
                "; it was not tried with {least}"
            )),
        )),
        (None, Some(least)) => Some(format!("{name} was not tried with {least}{mode}.{limit}")),
        (None, None) => None,
    }
}

/// What was found where it works no more.
fn stop(name: &str, spot: Spot, stopped: &Stopped, largest: Option<u32>, mode: &str) -> String {
    let count = |connections: u32| format::count(u64::from(connections));
    // Slow answers may be the work's doing: it may work with more connections elsewhere.
    let (work, worked) = match largest {
        Some(largest) if largest >= spot.concurrency => (
            format!(" when work waits {} ms", spot.wait_ms),
            format!(" For other work it worked with {}.", count(largest)),
        ),
        Some(largest) => (
            String::new(),
            format!(" It worked with {}.", count(largest)),
        ),
        None => (String::new(), String::new()),
    };
    format!(
        "{name} stops working at {}{mode}{work}, for want of {}: {}.{worked}",
        format::counted(u64::from(spot.concurrency), "connection"),
        want(stopped.cause),
        stopped.reason.trim_end_matches('.'),
    )
}

fn ceiling_words(ceiling: &Ceiling) -> String {
    format!(
        " What this machine allows ends it at about {}: {}.",
        format::count(ceiling.connections),
        ceiling.reason.trim_end_matches('.')
    )
}

fn want(cause: StopCause) -> &'static str {
    match cause {
        StopCause::Descriptors => "open files",
        StopCause::Threads => "threads",
        StopCause::Unanswered => "an answer in time",
        StopCause::Ports => "local ports",
        StopCause::Memory => "memory",
        StopCause::Ended => "a living process",
        StopCause::Other => "answers",
    }
}
