//! Time in which a server was not there: nothing was answered, and what was asked failed.
//!
//! Connections that fail rest before they try again, so that a dead server costs few errors and a lot of time. Counted by
//! requests alone, its errors would vanish behind what it answered before.

use record::SeriesPoint;

/// What a second of a run saw of one server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Second {
    /// Measured time within it, in seconds.
    pub measured_s: f64,
    /// Requests answered in it.
    pub requests: u64,
    /// Errors in it.
    pub errors: u64,
}

impl From<&SeriesPoint> for Second {
    fn from(point: &SeriesPoint) -> Second {
        Second {
            measured_s: point.measured_s,
            requests: point.requests,
            errors: point.errors,
        }
    }
}

/// Measured time without a working server, in seconds: all stretches of seconds without any right answer in which
/// something failed.
pub fn time_s<S: Into<Second>>(seconds: impl IntoIterator<Item = S>) -> f64 {
    let seconds: Vec<Second> = seconds.into_iter().map(Into::into).collect();
    seconds
        .chunk_by(|one, next| one.requests == 0 && next.requests == 0)
        .filter(|stretch| stretch[0].requests == 0)
        .filter(|stretch| stretch.iter().any(|second| second.errors > 0))
        .flat_map(|stretch| stretch.iter().map(|second| second.measured_s))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(seconds: &[(u64, u64)]) -> f64 {
        time_s(seconds.iter().map(|&(requests, errors)| Second {
            measured_s: 0.5,
            requests,
            errors,
        }))
    }

    #[test]
    fn errors_beside_answers_and_silence_without_errors_are_no_time_without_a_server() {
        assert_eq!(time(&[]), 0.0);
        assert_eq!(time(&[(100, 0), (90, 10), (1, 99)]), 0.0);
        assert_eq!(time(&[(100, 0), (0, 0), (0, 0), (100, 0)]), 0.0);
    }

    #[test]
    fn a_silence_that_ends_in_errors_counts_whole() {
        assert_eq!(time(&[(100, 0), (0, 8), (0, 8), (0, 8)]), 1.5);
        assert_eq!(time(&[(100, 0), (0, 0), (0, 8), (50, 0), (0, 0)]), 1.0);
    }
}
