//! What the exit code says.

use analysis::starved::Starved;
use analysis::{down, failures};
use record::{CellResult, Record};

use crate::args::MaxErrors;

/// Measured, and the errors stayed within what was tolerated.
pub const MEASURED: u8 = 0;
/// Measured, but with more errors than `--max-errors` tolerates.
pub const TOO_MANY_ERRORS: u8 = 1;
/// A gate found a regression.
pub const REGRESSED: u8 = 1;
/// A gate could not tell.
pub const INCONCLUSIVE: u8 = 3;
/// The self-check could not tell, because other programs kept the machine busy.
pub const TOO_BUSY: u8 = 3;
/// Could not measure: usage, ports, descriptors, a server that did not start, or not one answer.
pub const NOT_MEASURED: u8 = 2;
/// Ended by Ctrl-C; what was measured until then was printed.
pub const INTERRUPTED: u8 = bench::interrupt::EXIT_CODE;

/// The exit code of a run that left this record.
pub fn of(record: &Record, max_errors: MaxErrors) -> u8 {
    of_cells(record, &|_| true, max_errors)
}

/// The same, of those cells only that `counts` says.
pub fn of_cells(
    record: &Record,
    counts: &dyn Fn(&CellResult) -> bool,
    max_errors: MaxErrors,
) -> u8 {
    let cells = || record.results.iter().filter(|cell| counts(cell));
    let any_unanswered = cells().next().is_none() || cells().any(|cell| cell.requests == 0);
    let too_many = cells().any(|cell| {
        let starved = Starved::of(&record.config, cell);
        let declared = starved.map_or(0, |it| it.declared_errors(&cell.errors));
        exceeds(cell.requests, cell.errors.total - declared, max_errors)
            || starves(starved, max_errors)
            || was_down_too_long(down::time_s(&cell.time_series), cell.duration_s, max_errors)
    });
    match () {
        () if record.interrupted => INTERRUPTED,
        () if any_unanswered => NOT_MEASURED,
        () if too_many => TOO_MANY_ERRORS,
        () => MEASURED,
    }
}

/// Of each cell, because errors of one server must not hide behind the answers of another.
pub fn exceeds(requests: u64, errors: u64, max_errors: MaxErrors) -> bool {
    match max_errors {
        MaxErrors::Count(most) => errors > most,
        MaxErrors::Share(most) => failures::exceed(most, requests, errors),
    }
}

/// Connections that were never served count like errors: the figures of the others say nothing of them. What waits beyond
/// a declared pool of threads is a result.
fn starves(starved: Option<Starved>, max_errors: MaxErrors) -> bool {
    starved.is_some_and(|it| {
        let failed = it.undeclared();
        exceeds(it.of.saturating_sub(failed), failed, max_errors)
    })
}

/// Time without a working server counts like errors: connections that fail rest, so that a dead server costs few of them.
/// A number of errors says nothing about time.
pub fn was_down_too_long(down_s: f64, measured_s: f64, max_errors: MaxErrors) -> bool {
    match max_errors {
        MaxErrors::Count(_) => false,
        MaxErrors::Share(most) => down_s > most * measured_s,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn time_without_a_server_is_tolerated_up_to_the_same_share() {
        assert!(!was_down_too_long(0.0, 5.0, MaxErrors::Share(0.0)));
        assert!(!was_down_too_long(0.05, 5.0, MaxErrors::Share(0.01)));
        assert!(was_down_too_long(0.06, 5.0, MaxErrors::Share(0.01)));
        assert!(!was_down_too_long(5.0, 5.0, MaxErrors::Count(3)));
    }

    #[test]
    fn connections_never_served_are_tolerated_up_to_the_limit() {
        let starved = |never, pool_threads| {
            Some(Starved {
                unserved: never,
                of: 64,
                pool_threads,
            })
        };
        assert!(starves(starved(1, None), MaxErrors::Share(0.01)));
        assert!(starves(starved(59, None), MaxErrors::Count(58)));
        assert!(!starves(starved(59, None), MaxErrors::Count(59)));
        assert!(!starves(starved(59, None), MaxErrors::Share(1.0)));
        assert!(!starves(starved(59, Some(5)), MaxErrors::Count(0)));
        assert!(starves(starved(59, Some(6)), MaxErrors::Count(0)));
        assert!(!starves(None, MaxErrors::Count(0)));
    }

    #[test]
    fn errors_are_tolerated_up_to_the_limit() {
        assert!(!exceeds(99, 1, MaxErrors::Share(0.01)));
        assert!(exceeds(98, 2, MaxErrors::Share(0.01)));
        assert!(!exceeds(0, 0, MaxErrors::Share(0.0)));
        assert!(!exceeds(10, 3, MaxErrors::Count(3)));
        assert!(exceeds(10, 4, MaxErrors::Count(3)));
    }
}
