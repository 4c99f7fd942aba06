//! The search for the highest rate a server sustains under an objective.
//!
//! In the manner of MLRsearch (RFC 9971): many short trials, a majority for each load, an interval
//! that narrows from coarse to fine and widens again when an end turns out wrong. A trial that
//! fails by accident costs a few more trials, not the answer. Before the search is done, both ends
//! are verified by fresh trials: an end is picked because its trials came out that way, so those
//! trials are no evidence for it.
//!
//! The search is a pure state machine: ask [`CapacitySearch::step`] what to try,
//! [`CapacitySearch::record`] how it went. Rates are in a unit of the caller's choice: requests per
//! second, or multiples of something that is measured beside each trial because the machine drifts.

mod load;
mod settings;

pub use settings::{Settings, SettingsError};

use load::{Load, trial};

/// Votes that settle an end of a narrow interval: the best of three trials.
const SETTLING_VOTES: u32 = 2;
/// The interval is narrow below this many times the width asked for. While it is wider, one trial
/// for each load is enough.
const NARROW: f64 = 4.0;
/// Factor between loads tried while one end is still unknown.
const STRIDE: f64 = 2.0;

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
    /// Rate to load the server with.
    pub rate: f64,
    /// What the trial is for.
    pub kind: TrialKind,
}

/// What a search found.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Capacity {
    /// Highest rate known to be sustained; `None` if not even the lowest one is.
    pub low: Option<f64>,
    /// Lowest rate known not to be sustained; `None` if even the highest one is.
    pub high: Option<f64>,
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

impl CapacitySearch {
    /// A search that has not tried anything yet.
    pub fn new(settings: Settings) -> Result<Self, SettingsError> {
        settings.check()?;
        Ok(Self {
            settings,
            loads: Vec::new(),
            trials: 0,
        })
    }

    /// What to do next. Asking changes nothing.
    pub fn step(&self) -> Step {
        match self.next_trial() {
            Some(trial) if self.trials < self.settings.max_trials => Step::Try(trial),
            _ => Step::Done(self.found()),
        }
    }

    /// What is known so far.
    pub fn found(&self) -> Capacity {
        let (low, high) = self.bounds();
        Capacity {
            low: low.map(|load| load.rate),
            high: high.map(|load| load.rate),
            trials: self.trials,
            verified: self.next_trial().is_none(),
        }
    }

    /// Takes in how a trial went: whether the server met the objective at that rate.
    pub fn record(&mut self, trial: Trial, passed: bool) {
        let known = |load: &Load| load.rate == trial.rate;
        let index = self.loads.iter().position(known).unwrap_or_else(|| {
            self.loads.push(Load::untried(trial.rate));
            self.loads.len() - 1
        });
        self.loads[index].add(trial.kind, passed);
        self.trials += 1;
    }

    /// The smallest load that fails, and the largest load below it that passes.
    fn bounds(&self) -> (Option<Load>, Option<Load>) {
        let by_rate = |a: &&Load, b: &&Load| a.rate.total_cmp(&b.rate);
        let loads = || self.loads.iter();
        let high = loads()
            .filter(|load| load.passes() == Some(false))
            .min_by(by_rate);
        let low = loads()
            .filter(|load| load.passes() == Some(true))
            .filter(|load| high.is_none_or(|high| load.rate < high.rate))
            .max_by(by_rate);
        (low.copied(), high.copied())
    }

    /// The next trial; `None` when the interval is narrow and verified.
    fn next_trial(&self) -> Option<Trial> {
        let tied = self.loads.iter().find(|load| load.passes().is_none());
        if let Some(load) = tied {
            return Some(trial(load.rate, TrialKind::Search));
        }
        let Settings {
            min_rate: min,
            start_rate: start,
            max_rate: max,
            ..
        } = self.settings;
        let search = |rate| Some(trial(rate, TrialKind::Search));
        match self.bounds() {
            (None, None) => search(start),
            (Some(low), None) if low.rate < max => search((low.rate * STRIDE).min(max)),
            (None, Some(high)) if high.rate > min => search((high.rate / STRIDE).max(min)),
            (Some(only), None) | (None, Some(only)) => only
                .trial_for_votes(SETTLING_VOTES)
                .or_else(|| only.trial_to_verify()),
            (Some(low), Some(high)) => self.narrow(&low, &high),
        }
    }

    /// The next trial between two ends: halve a wide interval, settle the ends of a narrow one,
    /// halve it further, verify.
    fn narrow(&self, low: &Load, high: &Load) -> Option<Trial> {
        let width = high.rate / low.rate - 1.0;
        let goal = self.settings.relative_width;
        let middle = trial((low.rate * high.rate).sqrt(), TrialKind::Search);
        if width > NARROW * goal {
            return Some(middle);
        }
        low.trial_for_votes(SETTLING_VOTES)
            .or_else(|| high.trial_for_votes(SETTLING_VOTES))
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
        min_rate: 10.0,
        start_rate: 1_000.0,
        max_rate: 1e6,
        relative_width: 0.05,
        max_trials: 1_000,
    };

    /// Searches with trials that `passes(rate, number of the trial)`.
    fn search(settings: Settings, mut passes: impl FnMut(f64, usize) -> bool) -> Capacity {
        let mut search = CapacitySearch::new(settings).unwrap();
        for number in 0.. {
            match search.step() {
                Step::Try(trial) => search.record(trial, passes(trial.rate, number)),
                Step::Done(capacity) => return capacity,
            }
        }
        unreachable!("the trials are limited");
    }

    fn contains(found: &Capacity, capacity: f64) -> bool {
        found.low.is_none_or(|low| low <= capacity) && found.high.is_none_or(|high| capacity < high)
    }

    fn is_narrow(found: &Capacity) -> bool {
        found.high.unwrap() / found.low.unwrap() - 1.0 <= SETTINGS.relative_width
    }

    #[test]
    fn a_server_beyond_the_range_is_known_on_one_side() {
        let strong = search(SETTINGS, |_, _| true);
        assert_eq!((strong.low, strong.high), (Some(1e6), None));
        let weak = search(SETTINGS, |_, _| false);
        assert_eq!((weak.low, weak.high), (None, Some(10.0)));
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
                        verified.push(trial.rate);
                    }
                    search.record(trial, trial.rate <= 5_000.0);
                }
                Step::Done(capacity) => break capacity,
            }
        };
        let (low, high) = (found.low.unwrap(), found.high.unwrap());
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
                first.low.unwrap() <= second.high.unwrap()
                    && second.low.unwrap() <= first.high.unwrap()
            })
            .count();
        assert!(agreeing >= 950, "{agreeing} of 1000");
    }

    proptest! {
        #[test]
        fn a_steady_server_is_always_found(capacity in 10.0..9e5_f64, start in 10.0..1e6_f64) {
            let settings = Settings { start_rate: start, ..SETTINGS };
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
                min_rate: SETTINGS.min_rate * 4.0,
                start_rate: SETTINGS.start_rate * 4.0,
                max_rate: SETTINGS.max_rate * 4.0,
                ..SETTINGS
            };
            let here = search(SETTINGS, |rate, _| rate <= capacity);
            let there = search(scaled, |rate, _| rate <= capacity * 4.0);
            prop_assert_eq!(here.low.map(|low| low * 4.0), there.low);
            prop_assert_eq!(here.trials, there.trials);
        }
    }
}
