//! Stretches of time in which nothing happened: a server that answered nobody, a generator that did not run.
//!
//! Each worker sees its own connections only. What counts is what all of them saw at the same time.

use std::time::Duration;

use crate::clock::Nanos;

/// A stretch of time, from and to.
pub(crate) type Stretch = (Nanos, Nanos);

/// Silences shorter than this lengthen no slice: the shortest slice is five times as long.
pub(crate) const SHORTEST: Nanos = 10_000_000;

/// The longest time in which all of them were still. Each list is in order; no list, no stillness.
pub(crate) fn longest_common(lists: &[&[Stretch]]) -> Duration {
    let Some((first, others)) = lists.split_first() else {
        return Duration::ZERO;
    };
    let mut common = first.to_vec();
    for other in others {
        common = intersection(&common, other);
    }
    let longest = common.iter().map(|(from, to)| to - from).max();
    Duration::from_nanos(longest.unwrap_or(0))
}

/// When a server answered: two instants, at least `apart` from each other, the later one being no older than that while it
/// answers.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Pulse {
    /// An answer so long after a request was sent, and so long before it was answered itself, came meanwhile.
    pub(crate) apart: Nanos,
    earlier: Nanos,
    latest: Nanos,
}

impl Pulse {
    /// It answered somebody.
    #[inline]
    pub(crate) fn beat(&mut self, now: Nanos) {
        if now >= self.latest.saturating_add(self.apart) {
            self.earlier = std::mem::replace(&mut self.latest, now);
        }
    }

    /// Whether it answered others while a request waited that was sent at `sent` and answered at `done`.
    pub(crate) fn went_on(self, sent: Nanos, done: Nanos) -> bool {
        let meanwhile = |at: &Nanos| at.saturating_add(self.apart) <= done;
        let last = [self.latest, self.earlier].into_iter().find(meanwhile);
        last.is_some_and(|at| at > sent.saturating_add(self.apart))
    }
}

fn intersection(one: &[Stretch], two: &[Stretch]) -> Vec<Stretch> {
    let (mut i, mut j) = (0, 0);
    let mut both = Vec::new();
    while let (Some(a), Some(b)) = (one.get(i), two.get(j)) {
        let (from, to) = (a.0.max(b.0), a.1.min(b.1));
        if from < to {
            both.push((from, to));
        }
        if a.1 < b.1 {
            i += 1;
        } else {
            j += 1;
        }
    }
    both
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_server_went_on_when_it_answered_well_within_the_wait() {
        let mut pulse = Pulse {
            apart: 10,
            ..Pulse::default()
        };
        (0..100).for_each(|now| pulse.beat(now));
        assert!(pulse.went_on(50, 100), "it answered all the time");
        assert!(!pulse.went_on(85, 100), "and this was not slow");
        // Silent from 100 until all are answered together.
        (300..305).for_each(|now| pulse.beat(now));
        assert!(!pulse.went_on(95, 302));
        assert!(!pulse.went_on(85, 304));
        assert!(pulse.went_on(20, 304), "this one was slow before");
    }

    #[test]
    fn only_what_all_saw_counts() {
        let one = [(0, 40), (50, 90)];
        let two = [(30, 70)];
        assert_eq!(longest_common(&[&one]), Duration::from_nanos(40));
        assert_eq!(longest_common(&[&one, &two]), Duration::from_nanos(20));
        assert_eq!(longest_common(&[&one, &two, &[]]), Duration::ZERO);
        assert_eq!(longest_common(&[]), Duration::ZERO);
    }

    fn stretches() -> impl Strategy<Value = Vec<Stretch>> {
        proptest::collection::vec((1_u64..20, 1_u64..20), 0..8).prop_map(|steps| {
            let mut now = 0;
            steps
                .into_iter()
                .map(|(gap, length)| {
                    let from = now + gap;
                    now = from + length;
                    (from, now)
                })
                .collect()
        })
    }

    proptest! {
        #[test]
        fn it_agrees_with_looking_at_every_instant(one in stretches(), two in stretches()) {
            let inside = |list: &[Stretch], t: Nanos| list.iter().any(|(from, to)| (*from..*to).contains(&t));
            let (mut run, mut longest) = (0, 0);
            for t in 0..400 {
                run = if inside(&one, t) && inside(&two, t) { run + 1 } else { 0 };
                longest = longest.max(run);
            }
            prop_assert_eq!(longest_common(&[&one, &two]), Duration::from_nanos(longest));
        }
    }
}
