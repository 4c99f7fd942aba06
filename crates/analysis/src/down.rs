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
    /// Requests answered in it, rightly or wrongly: a server that refuses with a status is there.
    pub answers: u64,
    /// Errors in it.
    pub errors: u64,
}

impl From<&SeriesPoint> for Second {
    fn from(point: &SeriesPoint) -> Second {
        Second {
            measured_s: point.measured_s,
            answers: point.requests + point.wrong_answers,
            errors: point.errors,
        }
    }
}

/// Measured time without a working server, in seconds: all stretches of seconds without any answer in which
/// something failed.
pub fn time_s<S: Into<Second>>(seconds: impl IntoIterator<Item = S>) -> f64 {
    let seconds: Vec<Second> = seconds.into_iter().map(Into::into).collect();
    seconds
        .chunk_by(|one, next| one.answers == 0 && next.answers == 0)
        .filter(|stretch| stretch[0].answers == 0)
        .filter(|stretch| stretch.iter().any(|second| second.errors > 0))
        .flat_map(|stretch| stretch.iter().map(|second| second.measured_s))
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn time(seconds: &[(u64, u64)]) -> f64 {
        time_s(seconds.iter().map(|&(answers, errors)| Second {
            measured_s: 0.5,
            answers,
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
    fn a_server_that_answers_wrongly_is_there() {
        let refusals = SeriesPoint {
            measured_s: 0.5,
            errors: 15,
            wrong_answers: 15,
            ..SeriesPoint::default()
        };
        assert_eq!(time_s([&refusals]), 0.0);
        let failures = SeriesPoint {
            wrong_answers: 0,
            ..refusals
        };
        assert_eq!(time_s([&failures]), 0.5);
    }

    #[test]
    fn a_silence_that_ends_in_errors_counts_whole() {
        assert_eq!(time(&[(100, 0), (0, 8), (0, 8), (0, 8)]), 1.5);
        assert_eq!(time(&[(100, 0), (0, 0), (0, 8), (50, 0), (0, 0)]), 1.0);
    }
}
