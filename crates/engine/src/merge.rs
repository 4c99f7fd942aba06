//! Measurements added up: over workers, and over stretches of time.

use std::collections::BTreeMap;

use hdrhistogram::Histogram;

use crate::measurement::Measurement;

/// All histograms of the engine have the same bounds, so adding one to another cannot fail.
pub(crate) fn merge(total: &mut Histogram<u64>, part: &Histogram<u64>) {
    total.add(part).expect("histograms of equal bounds");
}

impl Measurement {
    /// Adds a later stretch of the same target: time and series go on, and what a connection got is
    /// added to what it got before. Connections made anew in between count on in their old places.
    pub fn append(&mut self, mut later: Self) {
        self.measured += later.measured;
        self.series.append(&mut later.series);
        let (own, theirs) = (&mut self.connections, &mut later.connections);
        let requests = std::mem::take(&mut theirs.requests_per_connection);
        let service = std::mem::take(&mut theirs.service);
        add_each(&mut own.requests_per_connection, requests, |a, b| *a += b);
        add_each(&mut own.service, service, |a, b| *a = b.max(*a));
        self.merge(later);
    }

    /// Adds what became of requests that were under way when this book was closed.
    pub fn add_late(&mut self, late: Self) {
        let ended = late.ended;
        self.append(late);
        self.under_way = self.under_way.saturating_sub(ended);
    }

    /// Adds what another worker saw of the same target.
    pub(crate) fn merge(&mut self, other: Self) {
        self.requests += other.requests;
        self.failed += other.failed;
        self.unanswered += other.unanswered;
        self.under_way += other.under_way;
        self.ended += other.ended;
        self.waited += other.waited;
        self.answers_total += other.answers_total;
        self.answers_in_window += other.answers_in_window;
        merge(&mut self.latency, &other.latency);
        merge(&mut self.service_time, &other.service_time);
        merge(&mut self.send_lag, &other.send_lag);
        merge(&mut self.connect, &other.connect);
        merge_optional(&mut self.first_byte, other.first_byte);
        merge_optional(&mut self.chunk_gaps, other.chunk_gaps);
        self.errors += other.errors;
        add_counts(&mut self.status_codes, other.status_codes);
        self.bytes_received += other.bytes_received;
        self.answers_in_two_parts += other.answers_in_two_parts;
        self.in_flight_at_deadline += other.in_flight_at_deadline;
        self.connections.established += other.connections.established;
        self.connections.failed += other.connections.failed;
        self.connections.left_open += other.connections.left_open;
        self.connections.closed_by_client += other.connections.closed_by_client;
        let mut theirs = other.connections;
        let own = &mut self.connections;
        own.requests_per_connection
            .append(&mut theirs.requests_per_connection);
        own.service.append(&mut theirs.service);
        add_counts(&mut own.closed.announced, theirs.closed.announced);
        add_counts(&mut own.closed.unannounced, theirs.closed.unannounced);
        if self.classes.is_empty() {
            self.classes = other.classes;
        } else {
            for (own, theirs) in self.classes.iter_mut().zip(other.classes) {
                own.requests += theirs.requests;
                merge(&mut own.latency, &theirs.latency);
            }
        }
    }
}

/// Adds what each connection got later, place by place; there may be more or fewer places.
fn add_each<T>(own: &mut Vec<T>, mut later: Vec<T>, add: impl Fn(&mut T, T)) {
    if own.len() < later.len() {
        std::mem::swap(own, &mut later);
    }
    for (own, later) in own.iter_mut().zip(later) {
        add(own, later);
    }
}

fn add_counts<K: Ord>(own: &mut BTreeMap<K, u64>, later: BTreeMap<K, u64>) {
    for (key, count) in later {
        *own.entry(key).or_default() += count;
    }
}

fn merge_optional(total: &mut Option<Histogram<u64>>, part: Option<Histogram<u64>>) {
    match (total.as_mut(), part) {
        (Some(total), Some(part)) => merge(total, &part),
        (None, part) => *total = part,
        (Some(_), None) => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measurement::ConnectionCounts;
    use std::time::Duration;

    #[test]
    fn a_later_stretch_goes_on_where_the_first_one_ended() {
        let stretch = |requests: &[u64], seconds| Measurement {
            requests: requests.iter().sum(),
            measured: Duration::from_secs(seconds),
            under_way: 3,
            connections: ConnectionCounts {
                requests_per_connection: requests.to_vec(),
                ..ConnectionCounts::default()
            },
            ..Measurement::default()
        };
        let mut total = stretch(&[], 0);
        total.append(stretch(&[1, 2], 3));
        total.append(stretch(&[10, 20], 4));
        assert_eq!((total.requests, total.under_way), (33, 9));
        assert_eq!(total.measured, Duration::from_secs(7));
        assert_eq!(total.connections.requests_per_connection, [11, 22]);
        let late = Measurement {
            requests: 3,
            ended: 7,
            ..Measurement::default()
        };
        total.add_late(late);
        assert_eq!((total.requests, total.under_way), (36, 2));
    }
}
