//! Claims about a ratio ("38 % faster than"), held against an interval.

use crate::interval::ConfidenceInterval;

/// What measurements say about a claim.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClaimVerdict {
    /// The whole interval lies above what is claimed.
    Holds,
    /// The whole interval lies below what is claimed.
    DoesNotHold,
    /// The interval reaches or contains what is claimed, or there is none.
    CannotTell,
}

/// Judges "the ratio is more than `claimed`": 1 for a claim about order, 1.38 for "38 % more".
pub fn judge_claim(interval: Option<ConfidenceInterval>, claimed: f64) -> ClaimVerdict {
    match interval {
        Some(interval) if interval.low > claimed => ClaimVerdict::Holds,
        Some(interval) if interval.high < claimed => ClaimVerdict::DoesNotHold,
        _ => ClaimVerdict::CannotTell,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_interval_decides_only_when_it_lies_on_one_side() {
        let interval = Some(ConfidenceInterval {
            low: 1.2,
            high: 1.4,
        });
        assert_eq!(judge_claim(interval, 1.0), ClaimVerdict::Holds);
        assert_eq!(judge_claim(interval, 1.38), ClaimVerdict::CannotTell);
        assert_eq!(judge_claim(interval, 2.32), ClaimVerdict::DoesNotHold);
    }

    #[test]
    fn touching_or_absent_intervals_cannot_tell() {
        let interval = Some(ConfidenceInterval {
            low: 1.0,
            high: 1.4,
        });
        assert_eq!(judge_claim(interval, 1.0), ClaimVerdict::CannotTell);
        assert_eq!(judge_claim(interval, 1.4), ClaimVerdict::CannotTell);
        assert_eq!(judge_claim(interval, f64::NAN), ClaimVerdict::CannotTell);
        assert_eq!(judge_claim(None, 1.0), ClaimVerdict::CannotTell);
    }
}
