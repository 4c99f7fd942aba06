//! Where and how finely to search for capacity.

use thiserror::Error;

/// Where to search, and how finely.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Settings {
    /// Lowest rate worth knowing about.
    pub min_rate: f64,
    /// Rate of the first trial; a good guess saves trials.
    pub start_rate: f64,
    /// Highest rate that can be asked for.
    pub max_rate: f64,
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
         but the lowest is {min}, the first {start} and the highest {max}"
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

impl Settings {
    /// Whether a search can follow these settings.
    pub(super) fn check(&self) -> Result<(), SettingsError> {
        let (min, start, max) = (self.min_rate, self.start_rate, self.max_rate);
        if !(0.0 < min && min <= start && start <= max && max.is_finite()) {
            return Err(SettingsError::Rates { min, start, max });
        }
        if !(0.001..=1.0).contains(&self.relative_width) {
            return Err(SettingsError::Width(self.relative_width));
        }
        if self.max_trials == 0 {
            return Err(SettingsError::NoTrials);
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FINE: Settings = Settings {
        min_rate: 10.0,
        start_rate: 1_000.0,
        max_rate: 1e6,
        relative_width: 0.05,
        max_trials: 60,
    };

    #[test]
    fn impossible_settings_are_refused_with_their_values() {
        assert_eq!(FINE.check(), Ok(()));
        let late = Settings {
            start_rate: 1.0,
            ..FINE
        };
        let error = late.check().unwrap_err().to_string();
        assert!(error.contains("first 1 and"), "{error}");
        let no_width = Settings {
            relative_width: f64::NAN,
            ..FINE
        };
        assert!(matches!(no_width.check(), Err(SettingsError::Width(_))));
        let no_trials = Settings {
            max_trials: 0,
            ..FINE
        };
        assert_eq!(no_trials.check(), Err(SettingsError::NoTrials));
    }
}
