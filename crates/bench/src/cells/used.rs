//! Resources that a server and the client used, as they stand in a record.

use std::time::Duration;

use engine::Measurement;
use record::Resources;

use crate::sampler::Sample;

/// Resources used, added up over blocks.
#[derive(Default)]
pub(super) struct Used {
    pub(super) span: Duration,
    pub(super) slices: u32,
    pub(super) server_cpu: Option<Duration>,
    pub(super) client_cpu: Duration,
    pub(super) server_switches: Option<u64>,
    pub(super) client_switches: Option<u64>,
    pub(super) client_run_queue_wait: Option<Duration>,
}

impl Used {
    pub(super) fn server(&self, total: &Measurement, samples: &[Sample], sut: usize) -> Resources {
        Resources {
            cpu_us_per_request: cpu_us_per_request(self.server_cpu, total),
            cores_used: cores(self.server_cpu, self.span),
            context_switches_per_request: per_answer(
                self.server_switches.map(|switches| switches as f64),
                total,
            ),
            run_queue_wait_percent: None,
            ..peaks(samples, Some(sut))
        }
    }

    pub(super) fn client(
        &self,
        total: &Measurement,
        samples: &[Sample],
        threads: usize,
    ) -> Resources {
        let threads_time = self.span.as_secs_f64() * threads as f64;
        Resources {
            cpu_us_per_request: cpu_us_per_request(Some(self.client_cpu), total),
            cores_used: cores(Some(self.client_cpu), self.span),
            context_switches_per_request: per_answer(
                self.client_switches.map(|switches| switches as f64),
                total,
            ),
            run_queue_wait_percent: self
                .client_run_queue_wait
                .filter(|_| threads_time > 0.0)
                .map(|wait| (100.0 * wait.as_secs_f64() / threads_time).min(100.0)),
            ..peaks(samples, None)
        }
    }
}

fn peaks(samples: &[Sample], sut: Option<usize>) -> Resources {
    let of_it = || {
        samples
            .iter()
            .filter(move |sample| sample.sut == sut)
            .map(|sample| sample.memory)
    };
    Resources {
        rss_peak_bytes: of_it().filter_map(|memory| memory.rss_bytes).max(),
        threads_peak: of_it().filter_map(|memory| memory.threads).max(),
        fds_peak: of_it().filter_map(|memory| memory.fds).max(),
        fds_limit: of_it().filter_map(|memory| memory.fds_limit).max(),
        ..Resources::default()
    }
}

/// CPU time ÷ all answers of the same time, in µs.
pub fn cpu_us_per_request(cpu: Option<Duration>, measurement: &Measurement) -> Option<f64> {
    per_answer(cpu.map(micros), measurement)
}

pub(super) fn micros(time: Duration) -> f64 {
    time.as_secs_f64() * 1e6
}

/// CPU and switches are spent on every answer, counted or not.
pub(super) fn per_answer(amount: Option<f64>, measurement: &Measurement) -> Option<f64> {
    (measurement.answers_total > 0)
        .then(|| amount.map(|amount| amount / measurement.answers_total as f64))?
}

pub(super) fn cores(cpu: Option<Duration>, span: Duration) -> Option<f64> {
    (!span.is_zero()).then(|| cpu.map(|cpu| cpu.as_secs_f64() / span.as_secs_f64()))?
}
