//! *What happened*: one worker's record of one target. Never shared while measuring.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use hdrhistogram::Histogram;

use crate::client::Answer;
use crate::clock::Nanos;
use crate::config::TargetId;
use crate::live::{LiveStatistics, SecondReport};
use crate::measurement::{ClassMeasurement, ErrorKind, Measurement, new_histogram};
use crate::merge::merge;
use crate::plan::{Plan, PlannedRequest};
use crate::send_slot::SendSlot;
use crate::stillness::{self, Pulse, Stretch};

const SECOND: Nanos = 1_000_000_000;

/// Between the parts of an answer of which the second was held back until the first was acknowledged. Systems delay an
/// acknowledgement by 40 ms (Linux: `TCP_DELACK_MIN`); ours may be read a little earlier or later.
const HELD_BACK: std::ops::RangeInclusive<Nanos> = 30_000_000..=60_000_000;

/// What one slice had come to on one worker when it was over.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct SliceSums {
    /// Requests of the window answered by then.
    pub(crate) requests: u64,
    pub(crate) latency_ns: u64,
    /// Right answers that do not count: of lead-in, and of the load behind the window.
    pub(crate) others: u64,
    pub(crate) others_latency_ns: u64,
    /// The last counted request or error ended.
    pub(crate) last_done: Nanos,
    /// The last answer of all came.
    pub(crate) last_answer: Nanos,
}

/// A request with its answer.
pub(crate) struct Answered<'a> {
    pub(crate) class: usize,
    pub(crate) sent: Nanos,
    pub(crate) answer: &'a Answer,
    pub(crate) chunk_gaps: &'a [u64],
}

pub(crate) struct Recorder {
    id: TargetId,
    statistics: Arc<LiveStatistics>,
    window: (Nanos, Nanos),
    slice: SliceSums,
    /// Number of the slice under way, or of the last one.
    slice_number: u32,
    /// Whether it is under way.
    is_loaded: bool,
    /// The server has answered nobody since then.
    silent_since: Nanos,
    silences: Vec<Stretch>,
    pulse: Pulse,
    /// The first slice of each book, the last one being open.
    books: Vec<u32>,
    /// What became of requests of closed books.
    closed: BTreeMap<usize, Measurement>,
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
    wrong_answers: u64,
    prompt: Histogram<u64>,
    late: Histogram<u64>,
}

impl Recorder {
    pub(crate) fn new(
        id: TargetId,
        plan: &Plan,
        statistics: Arc<LiveStatistics>,
        now: Nanos,
    ) -> Self {
        let classes = if plan.classes.len() > 1 {
            plan.classes.len()
        } else {
            0
        };
        Self {
            id,
            statistics,
            window: (0, 0),
            slice: SliceSums::default(),
            slice_number: 0,
            is_loaded: false,
            silent_since: 0,
            silences: Vec::new(),
            pulse: Pulse::default(),
            books: vec![0],
            closed: BTreeMap::new(),
            second: Second {
                number: now / SECOND,
                end: (now / SECOND + 1) * SECOND,
                accounted: now,
                measured: 0,
                requests: 0,
                errors: 0,
                wrong_answers: 0,
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

    pub(crate) fn begin_slice(
        &mut self,
        number: u32,
        start: Nanos,
        (window_start, window_end): (Nanos, Nanos),
        long: Nanos,
    ) {
        self.pulse.apart = long;
        self.window = (window_start, window_end);
        self.slice = SliceSums::default();
        self.slice_number = number;
        self.is_loaded = true;
        self.silent_since = start;
        self.second.accounted = window_start;
    }

    /// The window ends earlier than planned.
    pub(crate) fn cut_window(&mut self, end: Nanos) {
        self.window.1 = self.window.1.min(end);
    }

    /// The slice is over. `waits_since`: the request that has waited longest was sent then, if any waits.
    pub(crate) fn end_slice(
        &mut self,
        now: Nanos,
        waits_since: Option<Nanos>,
    ) -> (SliceSums, Vec<Stretch>) {
        if let Some(since) = waits_since {
            self.sign_of_life(since, now);
        }
        self.is_loaded = false;
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
        (self.slice, std::mem::take(&mut self.silences))
    }

    /// The server answered a request that was sent at `sent`, or the time to look is over.
    #[inline]
    fn sign_of_life(&mut self, sent: Nanos, now: Nanos) {
        if !self.is_loaded {
            return;
        }
        let since = self.silent_since.max(sent);
        if now.saturating_sub(since) >= stillness::SHORTEST {
            self.silences.push((since, now));
        }
        self.silent_since = now;
    }

    /// Whether the server answered others of this worker long after `sent` and long before `done`.
    pub(crate) fn went_on(&self, sent: Nanos, done: Nanos) -> bool {
        self.pulse.went_on(sent, done)
    }

    /// When the server last answered anybody in this slice; its start before that.
    pub(crate) fn silent_since(&self) -> Nanos {
        self.silent_since
    }

    /// Mean response time in this slice so far.
    pub(crate) fn mean_latency(&self) -> Option<Duration> {
        self.slice.mean_latency()
    }

    /// Hands over the seconds that have passed.
    #[inline]
    pub(crate) fn tick(&mut self, now: Nanos) {
        // What is answered behind the window belongs to its last second.
        let now = now.min(self.window.1.max(self.second.accounted));
        if now >= self.second.end {
            self.next_second(now);
        }
    }

    fn next_second(&mut self, now: Nanos) {
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
            wrong_answers: std::mem::take(&mut second.wrong_answers),
            latencies,
        };
        self.statistics.report(self.id, report);
    }

    /// The closed book that a request belongs to; none if its book is still open.
    #[inline]
    fn closed_book(&mut self, send_slot: &SendSlot, plan: &Plan) -> Option<&mut Measurement> {
        let open = self.books.len() - 1;
        if send_slot.slice >= self.books[open] {
            return None;
        }
        let book = self
            .books
            .partition_point(|first| *first <= send_slot.slice)
            - 1;
        Some(self.closed.entry(book).or_insert_with(|| empty(plan)))
    }

    /// A complete answer. Says whether it counts as a request.
    #[inline]
    pub(crate) fn answer(
        &mut self,
        send_slot: &SendSlot,
        answered: &Answered<'_>,
        plan: &Plan,
    ) -> bool {
        let answer = answered.answer;
        self.tick(answer.done);
        self.sign_of_life(send_slot.intended, answer.done);
        self.pulse.beat(answer.done);
        self.slice.last_answer = answer.done;
        if let Some(book) = self.closed_book(send_slot, plan) {
            return answer_late(book, send_slot, answered);
        }
        let latency = answer.done.saturating_sub(send_slot.intended);
        self.sums.ended += 1;
        if send_slot.counts {
            self.sums.waited += Duration::from_nanos(latency);
        }
        if let Some(kind) = answer.wrong {
            if send_slot.counts {
                self.note_answer(answer);
            }
            self.note_error(send_slot, kind, answer.done);
            return false;
        }
        self.sums.answers_total += 1;
        let is_of_this_slice = send_slot.slice == self.slice_number;
        if is_of_this_slice {
            let (start, end) = self.window;
            let in_window = start <= answer.done && answer.done < end;
            self.sums.answers_in_window += u64::from(in_window);
            self.slice
                .add_answer(send_slot.counts, latency, answer.done);
        }
        if send_slot.counts {
            self.note_answer(answer);
            self.note_request(send_slot, answered, latency);
        }
        send_slot.counts
    }

    #[inline]
    fn note_request(&mut self, send_slot: &SendSlot, answered: &Answered<'_>, latency: Nanos) {
        let &Answered {
            class,
            sent,
            answer,
            chunk_gaps,
        } = answered;
        self.sums.requests += 1;
        self.second.requests += 1;
        if sent == send_slot.intended {
            self.second.prompt.saturating_record(latency);
        } else {
            self.second.late.saturating_record(latency);
            self.late_service.saturating_record(answer.done - sent);
            self.late_lag
                .saturating_record(sent.saturating_sub(send_slot.intended));
        }
        if let Some(histogram) = self.classes.get_mut(class) {
            histogram.saturating_record(latency);
        }
        note_parts(&mut self.sums, send_slot, answer, chunk_gaps);
    }

    fn note_answer(&mut self, answer: &Answer) {
        self.sums.bytes_received += answer.bytes;
        if let Some(count) = self.statuses.get_mut(usize::from(answer.status)) {
            *count += 1;
        }
    }

    fn note_error(&mut self, send_slot: &SendSlot, kind: ErrorKind, now: Nanos) {
        self.sums.add_error(send_slot, kind);
        self.second.errors += u64::from(send_slot.counts || !kind.is_answer());
        self.second.wrong_answers += u64::from(send_slot.counts && kind.is_answer());
        if send_slot.counts {
            self.slice.last_done = self.slice.last_done.max(now);
        }
    }

    /// A request that failed at `now`.
    pub(crate) fn error(&mut self, send_slot: &SendSlot, kind: ErrorKind, now: Nanos, plan: &Plan) {
        self.tick(now);
        let waited = Duration::from_nanos(now.saturating_sub(send_slot.intended));
        if let Some(book) = self.closed_book(send_slot, plan) {
            book.ended += 1;
            book.add_error(send_slot, kind);
            book.waited += if send_slot.counts {
                waited
            } else {
                Duration::ZERO
            };
            return;
        }
        self.sums.ended += 1;
        if send_slot.counts {
            self.sums.waited += waited;
        }
        self.note_error(send_slot, kind, now);
    }

    /// Requests of a window that never got a connection.
    pub(crate) fn unsent(&mut self, (slice, count): (u32, u64), plan: &Plan) {
        let send_slot = SendSlot {
            intended: 0,
            taken: 0,
            slice,
            counts: true,
        };
        if let Some(book) = self.closed_book(&send_slot, plan) {
            return book.add_unsent(count);
        }
        self.sums.add_unsent(count);
        self.second.errors += count;
    }

    /// A request under way that was given up because the run was cancelled.
    pub(crate) fn abandoned(&mut self, send_slot: &SendSlot, plan: &Plan) {
        match self.closed_book(send_slot, plan) {
            Some(book) => book.add_abandoned(),
            None => self.sums.add_abandoned(),
        }
    }

    /// The slices of the open book begin with this one.
    pub(crate) fn open_book(&self) -> u32 {
        self.books[self.books.len() - 1]
    }

    /// What became of requests of closed books since the last call, by book.
    pub(crate) fn take_late(&mut self) -> BTreeMap<usize, Measurement> {
        std::mem::take(&mut self.closed)
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

    /// The server did not close a connection in time that it was asked to close.
    pub(crate) fn left_open(&mut self) {
        self.sums.connections.left_open += 1;
    }

    /// So many others waited for that already that the client closed this one itself.
    pub(crate) fn closed_by_client(&mut self) {
        self.sums.connections.closed_by_client += 1;
    }

    /// The server closed a connection that was to be kept alive, after so many answers on it.
    pub(crate) fn closed(&mut self, answers: u64, announced: bool) {
        let closed = &mut self.sums.connections.closed;
        let connections = match announced {
            true => &mut closed.announced,
            false => &mut closed.unannounced,
        };
        *connections.entry(answers).or_default() += 1;
    }

    /// Closes the book. The series is in the live statistics; measured time, requests per connection and those under way are
    /// filled in by others.
    pub(crate) fn take(&mut self, plan: &Plan) -> Measurement {
        self.hand_over();
        self.books.push(self.slice_number + 1);
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
        for (histogram, class) in self.classes.iter_mut().zip(&mut taken.classes) {
            class.latency = take(histogram);
            class.requests = class.latency.len();
        }
        taken
    }
}

/// A measurement with room for what the plan asks for.
fn empty(plan: &Plan) -> Measurement {
    let of_class = |class: &PlannedRequest| ClassMeasurement {
        name: class.name.clone(),
        requests: 0,
        latency: new_histogram(),
    };
    let several = plan.classes.len() > 1;
    let classes = plan.classes.iter().filter(|_| several);
    Measurement {
        classes: classes.map(of_class).collect(),
        first_byte: plan.record_first_byte.then(new_histogram),
        chunk_gaps: plan.record_chunk_gaps.then(new_histogram),
        ..Measurement::default()
    }
}

/// An answer that came when its book was closed.
fn answer_late(book: &mut Measurement, send_slot: &SendSlot, answered: &Answered<'_>) -> bool {
    let answer = answered.answer;
    let latency = answer.done.saturating_sub(send_slot.intended);
    book.ended += 1;
    if send_slot.counts {
        book.waited += Duration::from_nanos(latency);
        book.bytes_received += answer.bytes;
        *book.status_codes.entry(answer.status).or_default() += 1;
    }
    if let Some(kind) = answer.wrong {
        book.add_error(send_slot, kind);
        return false;
    }
    book.answers_total += 1;
    if send_slot.counts {
        book.requests += 1;
        book.latency.saturating_record(latency);
        book.service_time
            .saturating_record(answer.done.saturating_sub(answered.sent));
        book.send_lag
            .saturating_record(answered.sent.saturating_sub(send_slot.intended));
        if let Some(class) = book.classes.get_mut(answered.class) {
            class.requests += 1;
            class.latency.saturating_record(latency);
        }
        note_parts(book, send_slot, answer, answered.chunk_gaps);
    }
    send_slot.counts
}

/// How an answer came: in two parts, and its first byte and chunks, where they are asked for.
#[inline]
fn note_parts(sums: &mut Measurement, send_slot: &SendSlot, answer: &Answer, chunk_gaps: &[u64]) {
    sums.answers_in_two_parts += u64::from(HELD_BACK.contains(&answer.spread));
    if let Some(histogram) = &mut sums.first_byte {
        histogram.saturating_record(answer.first_byte.saturating_sub(send_slot.intended));
    }
    if let Some(histogram) = &mut sums.chunk_gaps {
        for gap in chunk_gaps {
            histogram.saturating_record(*gap);
        }
    }
}

impl Measurement {
    fn add_error(&mut self, send_slot: &SendSlot, kind: ErrorKind) {
        if send_slot.counts || !kind.is_answer() {
            self.errors.add(kind, 1);
        }
        if send_slot.counts {
            self.failed += 1;
            self.unanswered += u64::from(kind == ErrorKind::Timeout);
        }
    }

    fn add_abandoned(&mut self) {
        self.ended += 1;
        self.in_flight_at_deadline += 1;
    }

    fn add_unsent(&mut self, count: u64) {
        self.ended += count;
        self.errors.add(ErrorKind::Unsent, count);
        self.failed += count;
        self.unanswered += count;
    }
}

impl SliceSums {
    #[inline]
    fn add_answer(&mut self, counts: bool, latency: Nanos, done: Nanos) {
        if counts {
            self.requests += 1;
            self.latency_ns += latency;
            self.last_done = done;
        } else {
            self.others += 1;
            self.others_latency_ns += latency;
        }
    }

    pub(crate) fn add(&mut self, other: Self) {
        self.requests += other.requests;
        self.latency_ns += other.latency_ns;
        self.others += other.others;
        self.others_latency_ns += other.others_latency_ns;
        self.last_done = self.last_done.max(other.last_done);
        self.last_answer = self.last_answer.max(other.last_answer);
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
