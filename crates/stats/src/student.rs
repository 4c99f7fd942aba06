//! Student's t distribution: the width of an interval from a handful of repetitions.

use std::f64::consts::{FRAC_2_PI, FRAC_PI_2};

use crate::interval::ConfidenceInterval;
use crate::summary::{mean, stdev};

/// Interval of the mean of a few independent, roughly normal values; `None` below two values, for
/// values that are not finite or for a confidence outside 0..1.
pub fn mean_interval(values: &[f64], confidence: f64) -> Option<ConfidenceInterval> {
    let (centre, spread) = (mean(values)?, stdev(values)?);
    let t = two_sided_quantile(values.len() - 1, confidence)?;
    let margin = t * spread / (values.len() as f64).sqrt();
    Some(ConfidenceInterval {
        low: centre - margin,
        high: centre + margin,
    })
}

/// The t that |T| exceeds with probability 1 − `confidence`; `None` without degrees of freedom or
/// for a confidence outside 0..1.
pub fn two_sided_quantile(degrees_of_freedom: usize, confidence: f64) -> Option<f64> {
    if degrees_of_freedom == 0 || !(confidence > 0.0 && confidence < 1.0) {
        return None;
    }
    let (mut low, mut high) = (0.0, FRAC_PI_2);
    // Halving 60 times is finer than an f64 near 1.
    for _ in 0..60 {
        let middle = f64::midpoint(low, high);
        if within(degrees_of_freedom, middle) < confidence {
            low = middle;
        } else {
            high = middle;
        }
    }
    Some((degrees_of_freedom as f64).sqrt() * f64::midpoint(low, high).tan())
}

/// P(|T| ≤ √ν·tan `angle`) for ν degrees of freedom (Abramowitz and Stegun, 26.7.3 and 26.7.4).
fn within(degrees_of_freedom: usize, angle: f64) -> f64 {
    let (sine, cosine) = angle.sin_cos();
    let odd = degrees_of_freedom % 2 == 1;
    let mut term = if odd { cosine } else { 1.0 };
    let mut sum = 0.0;
    for power in (usize::from(odd)..degrees_of_freedom.saturating_sub(1)).step_by(2) {
        sum += term;
        term *= (power + 1) as f64 / (power + 2) as f64 * cosine * cosine;
    }
    if odd {
        FRAC_2_PI * (angle + sine * sum)
    } else {
        sine * sum
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::Noise;

    #[test]
    fn quantiles_agree_with_the_tables() {
        let tables = [
            (1, 0.95, 12.7062),
            (2, 0.95, 4.3027),
            (3, 0.95, 3.1824),
            (4, 0.95, 2.7764),
            (5, 0.95, 2.5706),
            (10, 0.95, 2.2281),
            (30, 0.95, 2.0423),
            (2, 0.99, 9.9248),
            (7, 0.90, 1.8946),
        ];
        for (degrees_of_freedom, confidence, t) in tables {
            let quantile = two_sided_quantile(degrees_of_freedom, confidence).unwrap();
            assert!(
                (quantile - t).abs() < 5e-5,
                "{degrees_of_freedom}: {quantile}"
            );
        }
    }

    #[test]
    fn one_value_has_no_interval() {
        assert_eq!(mean_interval(&[1.0], 0.95), None);
        assert_eq!(mean_interval(&[1.0, f64::NAN], 0.95), None);
        assert_eq!(mean_interval(&[1.0, 2.0], 1.0), None);
        assert_eq!(two_sided_quantile(0, 0.95), None);
    }

    #[test]
    fn the_interval_covers_as_often_as_it_says() {
        let mut noise = Noise::seeded(8);
        let covered = (0..10_000)
            .filter(|_| {
                let values = [(); 3].map(|()| 5.0 + noise.normal(1.0));
                mean_interval(&values, 0.95).unwrap().contains(5.0)
            })
            .count();
        // Five standard deviations of 10,000 draws at 95 %.
        assert!(covered.abs_diff(9_500) < 110, "{covered} of 10,000");
    }
}
