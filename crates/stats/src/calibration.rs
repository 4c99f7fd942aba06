//! Whether the intervals keep their word: judged on banked blocks of a server against itself.

use crate::paired::compare;
use crate::proportion::credible_count;
use crate::summary::median;

/// A calibration with more misses than this probability allows for is not believed.
const SURPRISE: f64 = 0.01;

/// How often an interval missed a ratio known to be 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Calibration {
    /// Disjoint windows judged.
    pub windows: u64,
    /// Windows whose interval does not contain 1.
    pub misses: u64,
    /// Misses that an honest interval exceeds at most once in 100 calibrations: 7 of 60 at 95 %.
    pub allowed: u64,
}

impl Calibration {
    /// Whether the interval missed no more often than an honest one may.
    pub fn holds(&self) -> bool {
        self.misses <= self.allowed
    }
}

/// Judges the interval on the log ratios of a server against itself, in disjoint windows of
/// `window` blocks; blocks left over at the end are not used.
///
/// Overlapping windows prove little: they fail together. `None` without a full window, with a
/// window too short for an interval, or with a log ratio that is not finite.
pub fn calibrate(log_ratios: &[f64], window: usize, confidence: f64) -> Option<Calibration> {
    if window == 0 || log_ratios.len() < window {
        return None;
    }
    let (mut windows, mut misses) = (0, 0);
    for blocks in log_ratios.chunks_exact(window) {
        let comparison = compare(blocks, confidence)?;
        windows += 1;
        misses += u64::from(!comparison.interval()?.contains(1.0));
    }
    Some(Calibration {
        windows,
        misses,
        allowed: credible_count(windows, 1.0 - confidence, SURPRISE)?,
    })
}

/// The floor below which `window` blocks show nothing here, such as 0.02 for ± 2 %: how far from 1
/// a ratio must typically lie before its interval leaves 1 out.
///
/// It is the median, over disjoint windows of the log ratios of a server against itself, of half
/// the width of the interval. `None` as for [`calibrate`].
pub fn floor(log_ratios: &[f64], window: usize, confidence: f64) -> Option<f64> {
    if window == 0 {
        return None;
    }
    let half_widths = log_ratios
        .chunks_exact(window)
        .map(|blocks| {
            let interval = compare(blocks, confidence)?.interval()?;
            Some((interval.high / interval.low).ln() / 2.0)
        })
        .collect::<Option<Vec<_>>>()?;
    Some(median(&half_widths)?.exp_m1())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::Noise;

    #[test]
    fn honest_noise_is_believed_and_a_bias_is_not() {
        let mut noise = Noise::seeded(1);
        let fair: Vec<_> = (0..480).map(|_| noise.normal(0.02)).collect();
        let calibration = calibrate(&fair, 8, 0.95).unwrap();
        assert_eq!((calibration.windows, calibration.allowed), (60, 7));
        assert!(calibration.holds(), "{calibration:?}");

        let biased: Vec<_> = fair.iter().map(|ratio| ratio + 0.02).collect();
        let calibration = calibrate(&biased, 8, 0.95).unwrap();
        assert!(!calibration.holds(), "{calibration:?}");
    }

    #[test]
    fn the_exact_interval_misses_as_often_as_it_says() {
        // The interval of 8 blocks errs in 2 · 0.0195 of all cases.
        let mut noise = Noise::seeded(2);
        let blocks: Vec<_> = (0..8 * 10_000).map(|_| noise.normal(0.02)).collect();
        let misses = calibrate(&blocks, 8, 0.95).unwrap().misses;
        assert!(misses.abs_diff(391) < 80, "{misses} of 10,000");
    }

    #[test]
    fn the_floor_is_where_a_difference_begins_to_show() {
        let mut noise = Noise::seeded(12);
        let blocks: Vec<_> = (0..8_000).map(|_| noise.normal(0.02)).collect();
        let shift = floor(&blocks, 8, 0.95).unwrap();
        let shifted: Vec<_> = blocks.iter().map(|ratio| ratio + shift.ln_1p()).collect();
        // A difference of that size is seen in about every second window.
        let seen = calibrate(&shifted, 8, 0.95).unwrap().misses;
        assert!(seen.abs_diff(500) < 80, "{seen} of 1000");
        assert_eq!(floor(&blocks[..7], 8, 0.95), None);
        assert_eq!(floor(&blocks, 0, 0.95), None);
        assert_eq!(floor(&blocks, 5, 0.95), None);
    }

    #[test]
    fn too_little_to_judge() {
        assert_eq!(calibrate(&[0.0; 7], 8, 0.95), None);
        assert_eq!(calibrate(&[0.0; 10], 5, 0.95), None);
        assert_eq!(calibrate(&[0.0; 10], 0, 0.95), None);
        assert_eq!(calibrate(&[f64::NAN; 8], 8, 0.95), None);
    }
}
