//! The search for the highest rate a server sustains under an objective.
//!
//! In the manner of MLRsearch (RFC 9971): many short trials, a majority for each load, an interval
//! that narrows from coarse to fine and widens again when an end turns out wrong. A trial that
//! fails by accident costs a few more trials, not the answer. Before the search is done, both ends
//! are verified by fresh trials: an end is picked because its trials came out that way, so those
//! trials are no evidence for it.
//!
//! The search is a pure state machine: ask [`CapacitySearch::step`] what to try,
//! [`CapacitySearch::record`] how it went.

use thiserror::Error;

/// Votes that settle a load while the interval is wide.
const COARSE_VOTES: u32 = 1;
/// Votes that settle a load while the interval is narrow: the best of three trials.
const FINE_VOTES: u32 = 2;
/// Fresh votes that verify an end: the best of seven trials.
const VERIFY_VOTES: u32 = 4;
/// The interval is narrow below this many times the width asked for.
const NARROW: f64 = 4.0;
/// Factor between loads tried while one end is still unknown.
const STRIDE: f64 = 2.0;

/// Where to search, and how finely.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Lowest rate worth knowing about, in requests per second.
    pub min_rate_rps: f64,
    /// Rate of the first trial; a good guess saves trials.
    pub start_rate_rps: f64,
    /// Highest rate that can be asked for.
    pub max_rate_rps: f64,
    /// The search is done when high ÷ low − 1 is at most this, such as 0.05.
    pub relative_width: f64,
    /// Trials after which the search gives up; 60 is plenty for a width of 5 %.
    pub max_trials: usize,
}

/// Settings that no search can follow.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum SettingsError {
    /// The rates are not finite, positive and in order.
    #[error(
        "rates of a capacity search must be positive and in order, \
         but the lowest is {min}/s, the first {start}/s and the highest {max}/s"
    )]
    Rates {
        /// Lowest rate.
        min: f64,
        /// Rate of the first trial.
        start: f64,
        /// Highest rate.
        max: f64,
    },
    /// The width is too small to measure, or no width.
    #[error("the relative width of a capacity search must be from 0.001 to 1, not {0}")]
    Width(f64),
    /// No trial may be made.
    #[error("a capacity search needs at least one trial, but max_trials is 0")]
    NoTrials,
}

/// What a trial is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TrialKind {
    /// Finding the interval.
    Search,
    /// Confirming one of its ends.
    Verify,
}

/// A trial to be made.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Trial {
    /// Rate to load the server with, in requests per second.
    pub rate_rps: f64,
    /// What the trial is for.
    pub kind: TrialKind,
}

/// What a finished search found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Capacity {
    /// Highest rate known to be sustained; `None` if not even the lowest one is.
    pub low_rps: Option<f64>,
    /// Lowest rate known not to be sustained; `None` if even the highest one is.
    pub high_rps: Option<f64>,
    /// Trials made.
    pub trials: usize,
    /// Whether the interval is as narrow as asked for and its ends are verified; `false` only if
    /// the trials ran out.
    pub verified: bool,
}

/// What to do next.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Step {
    /// Make this trial and record it.
    Try(Trial),
    /// The search is finished.
    Done(Capacity),
}

/// A search under way.
#[derive(Debug, Clone)]
pub struct CapacitySearch {
    settings: Settings,
    /// All loads tried, each rate once, in no order.
    loads: Vec<Load>,
    trials: usize,
}

#[derive(Debug, Clone, Copy, Default)]
struct Tally {
    passed: u32,
    failed: u32,
}

#[derive(Debug, Clone, Copy)]
struct Load {
    rate_rps: f64,
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
    fn is_verified(&self) -> bool {
        self.verify.votes() >= VERIFY_VOTES
    }

    /// Whether the server sustains this load, as far as is known; verification has the last word.
    fn passes(&self) -> Option<bool> {
        if self.is_verified() {
            self.verify.passes()
        } else {
            self.search.passes()
        }
    }

    /// The trial this load still needs, if it is to be settled by `votes`.
    fn trial_for_votes(&self, votes: u32) -> Option<Trial> {
        (!self.is_verified() && self.search.votes() < votes)
            .then_some(trial(self.rate_rps, TrialKind::Search))
    }

    /// The trial this load still needs to be verified.
    fn trial_to_verify(&self) -> Option<Trial> {
        (!self.is_verified()).then_some(trial(self.rate_rps, TrialKind::Verify))
    }
}

fn trial(rate_rps: f64, kind: TrialKind) -> Trial {
    Trial { rate_rps, kind }
}

impl CapacitySearch {
    /// A search that has not tried anything yet.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        let (min, start, max) = (
            settings.min_rate_rps,
            settings.start_rate_rps,
            settings.max_rate_rps,
        );
        if !(0.0 < min && min <= start && start <= max && max.is_finite()) {
            return Err(SettingsError::Rates { min, start, max });
        }
        if !(0.001..=1.0).contains(&settings.relative_width) {
            return Err(SettingsError::Width(settings.relative_width));
        }
        if settings.max_trials == 0 {
            return Err(SettingsError::NoTrials);
        }
        Ok(Self {
            settings,
            loads: Vec::new(),
            trials: 0,
        })
    }

    /// What to do next. Asking changes nothing.
    pub fn step(&self) -> Step {
        let trial = self.next_trial();
        match trial {
            Some(trial) if self.trials < self.settings.max_trials => Step::Try(trial),
            unfinished => {
                let (low, high) = self.bounds();
                Step::Done(Capacity {
                    low_rps: low.map(|load| load.rate_rps),
                    high_rps: high.map(|load| load.rate_rps),
                    trials: self.trials,
                    verified: unfinished.is_none(),
                })
            }
        }
    }

    /// Takes in how a trial went: whether the server met the objective at that rate.
    pub fn record(&mut self, trial: Trial, passed: bool) {
        let known = |load: &Load| load.rate_rps == trial.rate_rps;
        let index = self.loads.iter().position(known).unwrap_or_else(|| {
            self.loads.push(Load {
                rate_rps: trial.rate_rps,
                search: Tally::default(),
                verify: Tally::default(),
            });
            self.loads.len() - 1
        });
        let load = &mut self.loads[index];
        match trial.kind {
            TrialKind::Search => load.search.add(passed),
            TrialKind::Verify => load.verify.add(passed),
        }
        self.trials += 1;
    }

    /// The smallest load that fails, and the largest load below it that passes.
    fn bounds(&self) -> (Option<Load>, Option<Load>) {
        let by_rate = |a: &&Load, b: &&Load| a.rate_rps.total_cmp(&b.rate_rps);
        let loads = || self.loads.iter();
        let high = loads()
            .filter(|load| load.passes() == Some(false))
            .min_by(by_rate);
        let low = loads()
            .filter(|load| load.passes() == Some(true))
            .filter(|load| high.is_none_or(|high| load.rate_rps < high.rate_rps))
            .max_by(by_rate);
        (low.copied(), high.copied())
    }

    /// The next trial; `None` when the interval is narrow and verified.
    fn next_trial(&self) -> Option<Trial> {
        let tied = self.loads.iter().find(|load| load.passes().is_none());
        if let Some(load) = tied {
            return Some(trial(load.rate_rps, TrialKind::Search));
        }
        let Settings {
            min_rate_rps: min,
            start_rate_rps: start,
            max_rate_rps: max,
            ..
        } = self.settings;
        let search = |rate_rps| Some(trial(rate_rps, TrialKind::Search));
        match self.bounds() {
            (None, None) => search(start),
            (Some(low), None) if low.rate_rps < max => search((low.rate_rps * STRIDE).min(max)),
            (None, Some(high)) if high.rate_rps > min => search((high.rate_rps / STRIDE).max(min)),
            (Some(only), None) | (None, Some(only)) => only
                .trial_for_votes(FINE_VOTES)
                .or_else(|| only.trial_to_verify()),
            (Some(low), Some(high)) => self.narrow(&low, &high),
        }
    }

    /// The next trial between two ends: halve a wide interval, settle the ends of a narrow one,
    /// halve it further, verify.
    fn narrow(&self, low: &Load, high: &Load) -> Option<Trial> {
        let width = high.rate_rps / low.rate_rps - 1.0;
        let goal = self.settings.relative_width;
        let middle = trial((low.rate_rps * high.rate_rps).sqrt(), TrialKind::Search);
        let settle = |votes| low.trial_for_votes(votes).or(high.trial_for_votes(votes));
        if width > NARROW * goal {
            return settle(COARSE_VOTES).or(Some(middle));
        }
        settle(FINE_VOTES)
            .or((width > goal).then_some(middle))
            .or_else(|| low.trial_to_verify())
            .or_else(|| high.trial_to_verify())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::Noise;
    use proptest::prelude::*;

    const SETTINGS: Settings = Settings {
        min_rate_rps: 10.0,
        start_rate_rps: 1_000.0,
        max_rate_rps: 1e6,
        relative_width: 0.05,
        max_trials: 1_000,
    };

    /// Searches with trials that `passes(rate, number of the trial)`.
    fn search(settings: Settings, mut passes: impl FnMut(f64, usize) -> bool) -> Capacity {
        let mut search = CapacitySearch::new(settings).unwrap();
        for number in 0.. {
            match search.step() {
                Step::Try(trial) => search.record(trial, passes(trial.rate_rps, number)),
                Step::Done(capacity) => return capacity,
            }
        }
        unreachable!("the trials are limited");
    }

    fn contains(found: &Capacity, capacity: f64) -> bool {
        found.low_rps.is_none_or(|low| low <= capacity)
            && found.high_rps.is_none_or(|high| capacity < high)
    }

    fn is_narrow(found: &Capacity) -> bool {
        found.high_rps.unwrap() / found.low_rps.unwrap() - 1.0 <= SETTINGS.relative_width
    }

    #[test]
    fn a_server_beyond_the_range_is_known_on_one_side() {
        let strong = search(SETTINGS, |_, _| true);
        assert_eq!((strong.low_rps, strong.high_rps), (Some(1e6), None));
        let weak = search(SETTINGS, |_, _| false);
        assert_eq!((weak.low_rps, weak.high_rps), (None, Some(10.0)));
        assert!(strong.verified && weak.verified);
    }

    #[test]
    fn both_ends_are_verified_by_fresh_trials() {
        let mut search = CapacitySearch::new(SETTINGS).unwrap();
        let mut verified = Vec::new();
        let found = loop {
            match search.step() {
                Step::Try(trial) => {
                    if trial.kind == TrialKind::Verify {
                        verified.push(trial.rate_rps);
                    }
                    search.record(trial, trial.rate_rps <= 5_000.0);
                }
                Step::Done(capacity) => break capacity,
            }
        };
        let (low, high) = (found.low_rps.unwrap(), found.high_rps.unwrap());
        assert_eq!(verified, [low, low, low, low, high, high, high, high]);
    }

    #[test]
    fn running_out_of_trials_is_said() {
        let settings = Settings {
            max_trials: 5,
            ..SETTINGS
        };
        let found = search(settings, |rate, _| rate <= 5_000.0);
        assert_eq!((found.trials, found.verified), (5, false));
        assert!(contains(&found, 5_000.0));
    }

    #[test]
    fn sixty_trials_are_plenty() {
        let mut noise = Noise::seeded(5);
        for _ in 0..500 {
            let capacity = 10.0 * 1e5_f64.powf(noise.uniform());
            let found = search(SETTINGS, |rate, _| {
                (rate <= capacity) != (noise.uniform() < 0.02)
            });
            assert!(found.trials <= 60, "{found:?} for {capacity}");
        }
    }

    #[test]
    fn noisy_trials_seldom_lead_astray() {
        // One trial in ten comes out wrong; fewer than one search in forty may.
        let mut noise = Noise::seeded(6);
        let right = (0..1_000)
            .filter(|_| {
                let capacity = 20.0 * 2.5e4_f64.powf(noise.uniform());
                let found = search(SETTINGS, |rate, _| {
                    (rate <= capacity) != (noise.uniform() < 0.1)
                });
                found.verified && is_narrow(&found) && contains(&found, capacity)
            })
            .count();
        assert!(right >= 975, "{right} of 1000");
    }

    #[test]
    fn two_searches_on_a_server_with_a_soft_limit_agree() {
        // A trial passes with a probability that falls from 88 % to 12 % over the width asked for.
        let mut noise = Noise::seeded(7);
        let mut soft_search = |capacity: f64| {
            search(SETTINGS, |rate, _| {
                let excess = (rate / capacity).ln() / (SETTINGS.relative_width / 4.0);
                noise.uniform() < 1.0 / (1.0 + excess.exp())
            })
        };
        let agreeing = (0..1_000)
            .filter(|_| {
                let (first, second) = (soft_search(5_000.0), soft_search(5_000.0));
                first.low_rps.unwrap() <= second.high_rps.unwrap()
                    && second.low_rps.unwrap() <= first.high_rps.unwrap()
            })
            .count();
        assert!(agreeing >= 950, "{agreeing} of 1000");
    }

    #[test]
    fn impossible_settings_are_refused_with_their_values() {
        let refused = |settings| CapacitySearch::new(settings).unwrap_err();
        let rates = refused(Settings {
            start_rate_rps: 1.0,
            ..SETTINGS
        });
        assert!(rates.to_string().contains("first 1/s"), "{rates}");
        let no_width = Settings {
            relative_width: f64::NAN,
            ..SETTINGS
        };
        assert!(matches!(refused(no_width), SettingsError::Width(_)));
        let no_trials = Settings {
            max_trials: 0,
            ..SETTINGS
        };
        assert_eq!(refused(no_trials), SettingsError::NoTrials);
    }

    proptest! {
        #[test]
        fn a_steady_server_is_always_found(capacity in 10.0..9e5_f64, start in 10.0..1e6_f64) {
            let settings = Settings { start_rate_rps: start, ..SETTINGS };
            let found = search(settings, |rate, _| rate <= capacity);
            prop_assert!(found.verified && is_narrow(&found) && contains(&found, capacity));
        }

        #[test]
        fn no_single_wrong_trial_leads_astray(capacity in 20.0..4e5_f64, wrong in 0..40_usize) {
            let found = search(SETTINGS, |rate, number| (rate <= capacity) != (number == wrong));
            prop_assert!(found.verified && is_narrow(&found) && contains(&found, capacity));
        }

        #[test]
        fn the_unit_of_rate_does_not_matter(capacity in 20.0..4e5_f64) {
            let scaled = Settings {
                min_rate_rps: SETTINGS.min_rate_rps * 4.0,
                start_rate_rps: SETTINGS.start_rate_rps * 4.0,
                max_rate_rps: SETTINGS.max_rate_rps * 4.0,
                ..SETTINGS
            };
            let here = search(SETTINGS, |rate, _| rate <= capacity);
            let there = search(scaled, |rate, _| rate <= capacity * 4.0);
            prop_assert_eq!(here.low_rps.map(|low| low * 4.0), there.low_rps);
            prop_assert_eq!(here.trials, there.trials);
        }
    }
}
