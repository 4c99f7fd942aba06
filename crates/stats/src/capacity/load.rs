//! What is known of one load: a vote for each trial.

use super::{Trial, TrialKind};

/// Fresh votes that verify an end: the best of seven trials.
const VERIFY_VOTES: u32 = 4;

#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    passed: u32,
    failed: u32,
}

#[derive(Debug, Clone, Copy)]
pub(super) struct Load {
    pub(super) rate: f64,
    search: Tally,
    verify: Tally,
}

impl Tally {
    fn votes(self) -> u32 {
        self.passed.max(self.failed)
    }

    /// What the majority says; `None` for a tie.
    fn passes(self) -> Option<bool> {
        (self.passed != self.failed).then_some(self.passed > self.failed)
    }

    fn add(&mut self, passed: bool) {
        if passed {
            self.passed += 1;
        } else {
            self.failed += 1;
        }
    }
}

impl Load {
    pub(super) fn untried(rate: f64) -> Self {
        Self {
            rate,
            search: Tally::default(),
            verify: Tally::default(),
        }
    }

    /// Takes in how a trial of this load went.
    pub(super) fn add(&mut self, kind: TrialKind, passed: bool) {
        match kind {
            TrialKind::Search => self.search.add(passed),
            TrialKind::Verify => self.verify.add(passed),
        }
    }

    fn is_verified(&self) -> bool {
        self.verify.votes() >= VERIFY_VOTES
    }

    /// Whether the server sustains this load, as far as is known; verification has the last word.
    pub(super) fn passes(&self) -> Option<bool> {
        if self.is_verified() {
            self.verify.passes()
        } else {
            self.search.passes()
        }
    }

    /// The trial this load still needs, if it is to be settled by `votes`.
    pub(super) fn trial_for_votes(&self, votes: u32) -> Option<Trial> {
        (!self.is_verified() && self.search.votes() < votes)
            .then_some(trial(self.rate, TrialKind::Search))
    }

    /// The trial this load still needs to be verified.
    pub(super) fn trial_to_verify(&self) -> Option<Trial> {
        (!self.is_verified()).then_some(trial(self.rate, TrialKind::Verify))
    }
}

pub(super) fn trial(rate: f64, kind: TrialKind) -> Trial {
    Trial { rate, kind }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn voted(kind: TrialKind, votes: &[bool]) -> Load {
        let mut load = Load::untried(100.0);
        votes.iter().for_each(|passed| load.add(kind, *passed));
        load
    }

    #[test]
    fn the_majority_decides_and_a_tie_does_not() {
        let passes = |votes: &[bool]| voted(TrialKind::Search, votes).passes();
        assert_eq!(passes(&[]), None);
        assert_eq!(passes(&[true]), Some(true));
        assert_eq!(passes(&[true, false]), None);
        assert_eq!(passes(&[true, false, false]), Some(false));
    }

    #[test]
    fn verification_has_the_last_word_once_it_is_complete() {
        let mut load = voted(TrialKind::Verify, &[false; 3]);
        load.add(TrialKind::Search, true);
        assert_eq!(load.passes(), Some(true));
        assert_eq!(
            load.trial_to_verify().map(|t| t.kind),
            Some(TrialKind::Verify)
        );
        load.add(TrialKind::Verify, false);
        assert_eq!(load.passes(), Some(false));
        assert_eq!(
            (load.trial_to_verify(), load.trial_for_votes(9)),
            (None, None)
        );
    }
}
