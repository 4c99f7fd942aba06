//! A server's closed loop, measured again before each trial: what the trial's rate is a multiple of.

use std::collections::VecDeque;
use std::time::Duration;

use bench::slices::RESPONSES_PER_SLICE;

/// It takes this part of a trial's time: long enough to follow the machine's drift, short enough to leave the
/// time to the trials.
const SHARE_OF_A_TRIAL: f64 = 0.25;
/// Closed loops whose median counts: drift takes longer, noise does not.
const LATEST: usize = 3;

/// The latest closed loops of a server.
#[derive(Debug, Clone, Default)]
pub struct ClosedLoops {
    latest_rps: VecDeque<f64>,
    /// Mean response time of the last one. That of a trial in between is no guide: beyond capacity it is
    /// time in a queue.
    pub mean_response: Option<Duration>,
}

impl ClosedLoops {
    /// How long the next one takes beside trials of this length.
    pub fn time(&self, trial: Duration) -> Duration {
        let responses = self.mean_response.unwrap_or_default() * RESPONSES_PER_SLICE;
        trial.mul_f64(SHARE_OF_A_TRIAL).max(responses)
    }

    /// Takes one in; the median of the latest, in requests per second.
    pub fn add(&mut self, rps: f64, mean_response: Option<Duration>) -> f64 {
        self.mean_response = mean_response;
        self.latest_rps.push_back(rps);
        if self.latest_rps.len() > LATEST {
            self.latest_rps.pop_front();
        }
        stats::summary::median(self.latest_rps.make_contiguous()).unwrap_or(rps)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_odd_closed_loop_moves_no_rate_and_drift_does() {
        let mut loops = ClosedLoops::default();
        let medians = [100.0, 10.0, 100.0, 50.0, 50.0].map(|rps| loops.add(rps, None));
        assert_eq!(medians, [100.0, 55.0, 100.0, 50.0, 50.0]);
    }

    #[test]
    fn slow_answers_make_it_longer() {
        let second = Duration::from_secs(1);
        let mut loops = ClosedLoops::default();
        assert_eq!(loops.time(second), second / 4);
        loops.add(10.0, Some(second / 10));
        assert_eq!(loops.time(second), second / 2);
    }
}
