//! What the workers hand over once a second: the live view and the time series.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use crate::clock::Nanos;
use crate::config::TargetId;
use crate::measurement::SeriesPoint;

/// One worker's share of one second.
#[derive(Debug, Default)]
pub(crate) struct SecondReport {
    pub(crate) second: u64,
    pub(crate) measured: Nanos,
    pub(crate) requests: u64,
    pub(crate) errors: u64,
    /// Those of the errors that are answers.
    pub(crate) wrong_answers: u64,
    /// Latencies in ns and how often each occurred.
    pub(crate) latencies: Vec<(u64, u64)>,
}

/// One target as it is doing now.
#[derive(Debug, Clone, PartialEq)]
pub struct LiveTarget {
    /// Its name.
    pub name: String,
    /// Requests counted since it was connected.
    pub requests: u64,
    /// Errors counted since it was connected.
    pub errors: u64,
    /// Requests per second of measured time, in the last full second in which it was loaded.
    pub qps: Option<f64>,
    /// 99th percentile of latency in ns, in that second.
    pub p99_ns: Option<u64>,
}

/// A window on the running engine, for progress bars. Workers hand over once a second.
#[derive(Debug, Clone)]
pub struct LiveView {
    statistics: Arc<LiveStatistics>,
}

impl LiveView {
    /// All connected targets, in the order in which they were connected.
    #[must_use]
    pub fn targets(&self) -> Vec<LiveTarget> {
        self.statistics.lock().values().map(Column::live).collect()
    }
}

#[derive(Debug, Default)]
pub(crate) struct LiveStatistics {
    targets: Mutex<BTreeMap<TargetId, Column>>,
}

#[derive(Debug, Default)]
struct Column {
    name: String,
    /// Workers that load this target.
    workers: usize,
    requests: u64,
    errors: u64,
    /// Seconds whose percentiles are known.
    finished: Vec<SeriesPoint>,
    /// Seconds that workers may still add to; the latest two.
    open: BTreeMap<u64, Open>,
    last: Option<SeriesPoint>,
}

#[derive(Debug, Default)]
struct Open {
    reports: usize,
    sum: SecondReport,
}

impl LiveStatistics {
    fn lock(&self) -> MutexGuard<'_, BTreeMap<TargetId, Column>> {
        // Counters stay usable whoever panicked.
        self.targets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn view(self: &Arc<Self>) -> LiveView {
        LiveView {
            statistics: Arc::clone(self),
        }
    }

    pub(crate) fn add(&self, id: TargetId, name: &str, workers: usize) {
        let column = Column {
            name: name.to_owned(),
            workers,
            ..Column::default()
        };
        self.lock().insert(id, column);
    }

    pub(crate) fn remove(&self, id: TargetId) {
        self.lock().remove(&id);
    }

    pub(crate) fn report(&self, id: TargetId, report: SecondReport) {
        if let Some(column) = self.lock().get_mut(&id) {
            column.take(report);
        }
    }

    /// The series since the last call.
    pub(crate) fn take_series(&self, id: TargetId) -> Vec<SeriesPoint> {
        let mut columns = self.lock();
        let Some(column) = columns.get_mut(&id) else {
            return Vec::new();
        };
        while let Some((_, open)) = column.open.pop_first() {
            column.finish(open);
        }
        std::mem::take(&mut column.finished)
    }
}

impl Column {
    fn take(&mut self, mut report: SecondReport) {
        self.requests += report.requests;
        self.errors += report.errors;
        let newest = report.second;
        let open = self.open.entry(newest).or_default();
        open.reports += 1;
        open.sum.second = newest;
        // All workers load a target in the same windows.
        open.sum.measured = open.sum.measured.max(report.measured);
        open.sum.requests += report.requests;
        open.sum.errors += report.errors;
        open.sum.wrong_answers += report.wrong_answers;
        open.sum.latencies.append(&mut report.latencies);
        // Workers are never a whole second apart.
        while let Some(first) = self.open.first_entry() {
            let complete = first.get().reports >= self.workers;
            if !complete && first.key() + 2 > newest {
                break;
            }
            let open = first.remove();
            self.finish(open);
        }
    }

    fn finish(&mut self, open: Open) {
        let point = open.sum.finish();
        self.last = Some(point.clone());
        self.finished.push(point);
    }

    fn live(&self) -> LiveTarget {
        let last = self.last.as_ref();
        let measured = last.filter(|point| !point.measured.is_zero());
        LiveTarget {
            name: self.name.clone(),
            requests: self.requests,
            errors: self.errors,
            qps: measured.map(|point| point.requests as f64 / point.measured.as_secs_f64()),
            p99_ns: last.and_then(|point| point.p99_ns),
        }
    }
}

impl SecondReport {
    fn finish(mut self) -> SeriesPoint {
        self.latencies.sort_unstable();
        SeriesPoint {
            second: self.second,
            measured: Duration::from_nanos(self.measured),
            requests: self.requests,
            errors: self.errors,
            wrong_answers: self.wrong_answers,
            p50_ns: quantile(&self.latencies, 0.50),
            p99_ns: quantile(&self.latencies, 0.99),
        }
    }
}

/// The smallest value at or below which the share `q` of all values lies.
fn quantile(sorted: &[(u64, u64)], q: f64) -> Option<u64> {
    let total: u64 = sorted.iter().map(|(_, count)| count).sum();
    let rank = ((q * total as f64).ceil() as u64).max(1);
    let mut seen = 0;
    let reached = sorted.iter().find(|(_, count)| {
        seen += count;
        seen >= rank
    });
    reached.map(|(value, _)| *value)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: TargetId = TargetId(7);

    fn report(second: u64, requests: u64, latencies: &[(u64, u64)]) -> SecondReport {
        SecondReport {
            second,
            measured: 500_000_000,
            requests,
            errors: 1,
            wrong_answers: 0,
            latencies: latencies.to_vec(),
        }
    }

    #[test]
    fn quantiles_are_ranks() {
        let values = [(10, 50), (20, 49), (30, 1)];
        assert_eq!(quantile(&values, 0.5), Some(10));
        assert_eq!(quantile(&values, 0.51), Some(20));
        assert_eq!(quantile(&values, 0.99), Some(20));
        assert_eq!(quantile(&values, 1.0), Some(30));
        assert_eq!(quantile(&[], 0.5), None);
    }

    #[test]
    fn a_second_is_shown_once_every_worker_has_handed_it_over() {
        let statistics = Arc::new(LiveStatistics::default());
        statistics.add(ID, "sync", 2);
        statistics.report(ID, report(3, 100, &[(1000, 100)]));
        let view = statistics.view();
        assert_eq!(view.targets()[0].qps, None);
        statistics.report(ID, report(3, 50, &[(500, 50)]));
        let live = view.targets().remove(0);
        assert_eq!(live.name, "sync");
        assert_eq!((live.requests, live.errors), (150, 2));
        assert_eq!(live.qps, Some(300.0));
        assert_eq!(live.p99_ns, Some(1000));
    }

    #[test]
    fn the_series_holds_every_second_once_and_merges_workers() {
        let statistics = Arc::new(LiveStatistics::default());
        statistics.add(ID, "sync", 2);
        statistics.report(ID, report(1, 10, &[(5, 10)]));
        statistics.report(ID, report(2, 10, &[(5, 10)]));
        statistics.report(ID, report(1, 30, &[(9, 30)]));
        statistics.report(ID, report(4, 1, &[(7, 1)]));
        let series = statistics.take_series(ID);
        let seconds: Vec<_> = series
            .iter()
            .map(|p| (p.second, p.requests, p.p50_ns))
            .collect();
        assert_eq!(
            seconds,
            [(1, 40, Some(9)), (2, 10, Some(5)), (4, 1, Some(7))]
        );
        assert!(statistics.take_series(ID).is_empty());
        statistics.remove(ID);
        assert!(statistics.view().targets().is_empty());
    }
}
