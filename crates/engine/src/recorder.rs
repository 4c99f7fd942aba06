//! *What happened*: one worker's record of one target. Never shared while measuring.

use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::board::{Board, SecondReport};
use crate::client::Answer;
use crate::clock::Nanos;
use crate::config::TargetId;
use crate::measurement::{ClassMeasurement, ErrorKind, Measurement, new_histogram};
use crate::merge::merge;
use crate::plan::Plan;
use crate::turns::{Counts, Turn};

const SECOND: Nanos = 1_000_000_000;

/// What one slice came to on one worker.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SliceSums {
    /// Requests counted.
    pub(crate) requests: u64,
    pub(crate) latency_ns: u64,
    /// Right answers that did not count: lead-in and drain.
    pub(crate) others: u64,
    pub(crate) others_latency_ns: u64,
    /// The last counted request or error ended.
    pub(crate) last_done: Nanos,
}

pub(crate) struct Recorder {
    id: TargetId,
    board: Arc<Board>,
    window: (Nanos, Nanos),
    slice: SliceSums,
    second: Second,
    /// Latency of requests sent at their intended instant. Their service time is the same and their
    /// lag 0, so that a closed loop records one value per request instead of three.
    prompt: Histogram<u64>,
    /// Latency, service time and lag of the others.
    late: Histogram<u64>,
    late_service: Histogram<u64>,
    late_lag: Histogram<u64>,
    classes: Vec<Histogram<u64>>,
    statuses: Box<[u64]>,
    /// The sums of what is told in plain numbers; its histograms stay empty but those without a
    /// counterpart here.
    sums: Measurement,
}

/// The wall second under way.
struct Second {
    number: u64,
    end: Nanos,
    /// Up to where the measured time of this window is accounted for.
    accounted: Nanos,
    measured: Nanos,
    requests: u64,
    errors: u64,
    prompt: Histogram<u64>,
    late: Histogram<u64>,
}

impl Recorder {
    pub(crate) fn new(id: TargetId, plan: &Plan, board: Arc<Board>, now: Nanos) -> Self {
        let classes = if plan.classes.len() > 1 {
            plan.classes.len()
        } else {
            0
        };
        Self {
            id,
            board,
            window: (0, 0),
            slice: SliceSums::default(),
            second: Second {
                number: now / SECOND,
                end: (now / SECOND + 1) * SECOND,
                accounted: now,
                measured: 0,
                requests: 0,
                errors: 0,
                prompt: new_histogram(),
                late: new_histogram(),
            },
            prompt: new_histogram(),
            late: new_histogram(),
            late_service: new_histogram(),
            late_lag: new_histogram(),
            classes: (0..classes).map(|_| new_histogram()).collect(),
            statuses: vec![0; 1000].into_boxed_slice(),
            sums: empty(plan),
        }
    }

    pub(crate) fn begin_slice(&mut self, window_start: Nanos, window_end: Nanos) {
        self.window = (window_start, window_end);
        self.slice = SliceSums::default();
        self.second.accounted = window_start;
        self.sums.in_flight_at_deadline = 0;
    }

    /// The window ends earlier than planned.
    pub(crate) fn cut_window(&mut self, end: Nanos) {
        self.window.1 = self.window.1.min(end);
    }

    pub(crate) fn end_slice(&mut self) -> SliceSums {
        let end = self
            .window
            .1
            .min(self.slice.last_done.max(self.second.accounted));
        // A window that ends with its last request is accounted for up to that.
        let end = if self.window.1 == Nanos::MAX {
            end
        } else {
            self.window.1
        };
        self.account(end);
        self.slice
    }

    /// Hands over the seconds that have passed.
    #[inline]
    pub(crate) fn tick(&mut self, now: Nanos) {
        // What is drained behind the window belongs to its last second.
        let now = now.min(self.window.1.max(self.second.accounted));
        if now >= self.second.end {
            self.turn_seconds(now);
        }
    }

    fn turn_seconds(&mut self, now: Nanos) {
        while now >= self.second.end {
            self.account(self.second.end);
            self.hand_over();
            let next = self.second.number + 1;
            // Seconds in which the target was not loaded are skipped.
            let loaded = self.second.accounted < now && self.second.accounted >= self.second.end;
            self.second.number = if loaded { next } else { next.max(now / SECOND) };
            self.second.end = (self.second.number + 1) * SECOND;
        }
    }

    /// Adds measured time up to `until`.
    fn account(&mut self, until: Nanos) {
        let until = until.min(self.window.1);
        self.second.measured += until.saturating_sub(self.second.accounted);
        self.second.accounted = self.second.accounted.max(until);
    }

    fn hand_over(&mut self) {
        let second = &mut self.second;
        if second.measured == 0 && second.requests == 0 && second.errors == 0 {
            return;
        }
        let values = |histogram: &Histogram<u64>| -> Vec<(u64, u64)> {
            let recorded = histogram.iter_recorded();
            recorded
                .map(|v| (v.value_iterated_to(), v.count_at_value()))
                .collect()
        };
        let mut latencies = values(&second.prompt);
        latencies.append(&mut values(&second.late));
        for (interval, total) in [
            (&mut second.prompt, &mut self.prompt),
            (&mut second.late, &mut self.late),
        ] {
            if !interval.is_empty() {
                merge(total, interval);
                interval.reset();
            }
        }
        let report = SecondReport {
            second: second.number,
            measured: std::mem::take(&mut second.measured),
            requests: std::mem::take(&mut second.requests),
            errors: std::mem::take(&mut second.errors),
            latencies,
        };
        self.board.report(self.id, report);
    }

    /// Whether something that ended at `done` counts; notes what was in flight at the deadline.
    #[inline]
    fn counts(&mut self, turn: &Turn, done: Nanos) -> bool {
        match turn.counts {
            Counts::Always => true,
            Counts::Never => false,
            Counts::WhenDone => {
                if done >= self.window.1 {
                    self.sums.in_flight_at_deadline += 1;
                }
                self.window.0 <= done && done < self.window.1
            }
        }
    }

    /// A complete answer. Says whether it counts as a request.
    #[inline]
    pub(crate) fn answer(
        &mut self,
        turn: &Turn,
        class: usize,
        sent: Nanos,
        answer: &Answer,
        chunk_gaps: &[u64],
    ) -> bool {
        self.tick(answer.done);
        let counts = self.counts(turn, answer.done);
        let latency = answer.done.saturating_sub(turn.intended);
        if let Some(kind) = answer.wrong {
            if counts {
                self.note_answer(answer);
                self.note_error(kind, answer.done);
            }
            return false;
        }
        self.sums.answers_total += 1;
        let (start, end) = self.window;
        self.sums.answers_in_window += u64::from(start <= answer.done && answer.done < end);
        if !counts {
            self.slice.others += 1;
            self.slice.others_latency_ns += latency;
            return false;
        }
        self.note_answer(answer);
        self.sums.requests += 1;
        self.second.requests += 1;
        self.slice.requests += 1;
        self.slice.latency_ns += latency;
        self.slice.last_done = answer.done;
        if sent == turn.intended {
            self.second.prompt.saturating_record(latency);
        } else {
            self.second.late.saturating_record(latency);
            self.late_service.saturating_record(answer.done - sent);
            self.late_lag
                .saturating_record(sent.saturating_sub(turn.intended));
        }
        if let Some(histogram) = self.classes.get_mut(class) {
            histogram.saturating_record(latency);
        }
        if let Some(histogram) = &mut self.sums.first_byte {
            histogram.saturating_record(answer.first_byte.saturating_sub(turn.intended));
        }
        if let Some(histogram) = &mut self.sums.chunk_gaps {
            for gap in chunk_gaps {
                histogram.saturating_record(*gap);
            }
        }
        true
    }

    fn note_answer(&mut self, answer: &Answer) {
        self.sums.bytes_received += answer.bytes;
        if let Some(count) = self.statuses.get_mut(usize::from(answer.status)) {
            *count += 1;
        }
    }

    fn note_error(&mut self, kind: ErrorKind, now: Nanos) {
        self.sums.errors.add(kind, 1);
        self.second.errors += 1;
        self.slice.last_done = now;
    }

    /// A request that failed at `now`.
    pub(crate) fn error(&mut self, turn: &Turn, kind: ErrorKind, now: Nanos) {
        self.tick(now);
        if self.counts(turn, now) {
            self.note_error(kind, now);
        }
    }

    /// Requests of the window that never got a connection.
    pub(crate) fn unsent(&mut self, count: u64) {
        self.sums.errors.add(ErrorKind::Unsent, count);
        self.second.errors += count;
    }

    /// A request under way that was given up because the run was cancelled.
    pub(crate) fn abandoned(&mut self) {
        self.sums.in_flight_at_deadline += 1;
    }

    /// A connection was made; `timing` is how long it took in ns and when it was there. None for a
    /// client that cannot tell.
    pub(crate) fn connected(&mut self, timing: Option<(u64, Nanos)>) {
        self.sums.connections.established += 1;
        if let Some((duration, now)) = timing
            && (self.window == (0, 0) || (self.window.0 <= now && now < self.window.1))
        {
            self.sums.connect.saturating_record(duration);
        }
    }

    pub(crate) fn connect_failed(&mut self) {
        self.sums.connections.failed += 1;
    }

    /// Everything since the last call. The series is on the board; measured time and requests per
    /// connection are filled in by others.
    pub(crate) fn take(&mut self, plan: &Plan) -> Measurement {
        self.hand_over();
        let mut taken = std::mem::replace(&mut self.sums, empty(plan));
        let prompt = std::mem::replace(&mut self.prompt, new_histogram());
        let take = |histogram: &mut Histogram<u64>| std::mem::replace(histogram, new_histogram());
        taken.latency = take(&mut self.late);
        taken.service_time = take(&mut self.late_service);
        taken.send_lag = take(&mut self.late_lag);
        merge(&mut taken.latency, &prompt);
        merge(&mut taken.service_time, &prompt);
        taken.send_lag.saturating_record_n(0, prompt.len());
        for (status, count) in self.statuses.iter_mut().enumerate() {
            if *count > 0 {
                let status = u16::try_from(status).unwrap_or(u16::MAX);
                taken.status_codes.insert(status, std::mem::take(count));
            }
        }
        for (histogram, class) in self.classes.iter_mut().zip(&plan.classes) {
            let latency = take(histogram);
            taken.classes.push(ClassMeasurement {
                name: class.name.clone(),
                requests: latency.len(),
                latency,
            });
        }
        taken
    }
}

/// A measurement with room for what the plan asks for.
fn empty(plan: &Plan) -> Measurement {
    Measurement {
        first_byte: plan.record_first_byte.then(new_histogram),
        chunk_gaps: plan.record_chunk_gaps.then(new_histogram),
        ..Measurement::default()
    }
}

impl SliceSums {
    pub(crate) fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.latency_ns += other.latency_ns;
        self.others += other.others;
        self.others_latency_ns += other.others_latency_ns;
        self.last_done = self.last_done.max(other.last_done);
    }

    /// Mean latency of the requests counted, or of all right answers where none counted.
    pub(crate) fn mean_latency(&self) -> Option<Duration> {
        let (sum, count) = if self.requests > 0 {
            (self.latency_ns, self.requests)
        } else {
            (self.others_latency_ns, self.others)
        };
        (count > 0).then(|| Duration::from_nanos(sum / count))
    }
}
