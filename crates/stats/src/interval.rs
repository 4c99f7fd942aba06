//! An interval with two ends.

/// What a figure may be, given the measurements, at the confidence it was made with.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct ConfidenceInterval {
    /// Lower end, in the unit of the figure.
    pub low: f64,
    /// Upper end, in the unit of the figure.
    pub high: f64,
}

impl ConfidenceInterval {
    /// Whether `value` lies inside; the ends count as inside.
    pub fn contains(&self, value: f64) -> bool {
        (self.low..=self.high).contains(&value)
    }

    /// The interval of the figure's reciprocal, for a positive figure: what swapping the arms of
    /// a ratio does.
    pub fn recip(&self) -> Self {
        Self {
            low: self.high.recip(),
            high: self.low.recip(),
        }
    }
}

/// The confidence each of `comparisons` intervals needs for all of them together to be right with
/// `family` confidence (Bonferroni).
///
/// Thirty cells at 95 % each show a "difference" between equals in one map of cells out of two.
pub fn family_confidence(family: f64, comparisons: usize) -> f64 {
    1.0 - (1.0 - family) / comparisons.max(1) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ends_are_inside() {
        let interval = ConfidenceInterval {
            low: 1.0,
            high: 2.0,
        };
        assert!(interval.contains(1.0) && interval.contains(2.0));
        assert!(!interval.contains(0.99) && !interval.contains(2.01));
        assert!(!interval.contains(f64::NAN));
    }

    #[test]
    fn the_reciprocal_swaps_the_ends() {
        let interval = ConfidenceInterval {
            low: 0.5,
            high: 4.0,
        };
        assert_eq!(
            interval.recip(),
            ConfidenceInterval {
                low: 0.25,
                high: 2.0
            }
        );
    }

    #[test]
    fn the_error_is_shared_among_the_comparisons() {
        assert_eq!(family_confidence(0.95, 0), 0.95);
        assert_eq!(family_confidence(0.95, 1), 0.95);
        assert!((family_confidence(0.95, 10) - 0.995).abs() < 1e-12);
    }
}
