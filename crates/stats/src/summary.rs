//! Summaries of a handful of numbers, such as one figure for each block.
//!
//! Everything answers `None` rather than a made-up figure when there are too few values or when
//! one of them is not finite.

/// Arithmetic mean.
pub fn mean(values: &[f64]) -> Option<f64> {
    if values.is_empty() || !all_finite(values) {
        return None;
    }
    Some(values.iter().sum::<f64>() / values.len() as f64)
}

/// Standard deviation of a sample (n − 1); `None` below two values.
pub fn stdev(values: &[f64]) -> Option<f64> {
    let centre = mean(values)?;
    if values.len() < 2 {
        return None;
    }
    let squares: f64 = values.iter().map(|value| (value - centre).powi(2)).sum();
    Some((squares / (values.len() - 1) as f64).sqrt())
}

/// The middle value, or the mean of the two middle ones.
pub fn median(values: &[f64]) -> Option<f64> {
    quantile(values, 0.5)
}

/// The value below which the share `q` of the values lies, interpolated linearly between
/// neighbours (Hyndman and Fan's type 7); `None` for a `q` outside 0..=1.
pub fn quantile(values: &[f64], q: f64) -> Option<f64> {
    if values.is_empty() || !all_finite(values) || !(0.0..=1.0).contains(&q) {
        return None;
    }
    let mut ascending = values.to_vec();
    ascending.sort_by(f64::total_cmp);
    let position = q * (ascending.len() - 1) as f64;
    let below = ascending[position.floor() as usize];
    let above = ascending[position.ceil() as usize];
    Some(below + (above - below) * position.fract())
}

/// Median of the absolute deviations from the median: a spread that one outlier cannot move.
///
/// Not scaled: multiply by 1.4826 to estimate a normal distribution's standard deviation.
pub fn median_absolute_deviation(values: &[f64]) -> Option<f64> {
    let centre = median(values)?;
    let deviations: Vec<_> = values.iter().map(|value| (value - centre).abs()).collect();
    median(&deviations)
}

fn all_finite(values: &[f64]) -> bool {
    values.iter().all(|value| value.is_finite())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn mean_and_stdev_of_a_sample() {
        let values = [2.0, 4.0, 4.0, 4.0, 5.0, 5.0, 7.0, 9.0];
        assert_eq!(mean(&values), Some(5.0));
        assert_eq!(stdev(&values), Some((32.0_f64 / 7.0).sqrt()));
    }

    #[test]
    fn quantiles_interpolate_between_neighbours() {
        let values = [4.0, 1.0, 3.0, 2.0];
        assert_eq!(quantile(&values, 0.0), Some(1.0));
        assert_eq!(quantile(&values, 0.25), Some(1.75));
        assert_eq!(median(&values), Some(2.5));
        assert_eq!(quantile(&values, 1.0), Some(4.0));
    }

    #[test]
    fn one_outlier_does_not_move_the_median_absolute_deviation() {
        assert_eq!(
            median_absolute_deviation(&[1.0, 2.0, 3.0, 4.0, 1e9]),
            Some(1.0)
        );
    }

    #[test]
    fn too_few_or_unusable_values_have_no_summary() {
        assert_eq!(mean(&[]), None);
        assert_eq!(stdev(&[1.0]), None);
        assert_eq!(median(&[]), None);
        assert_eq!(mean(&[1.0, f64::NAN]), None);
        assert_eq!(median(&[1.0, f64::INFINITY]), None);
        assert_eq!(quantile(&[1.0], 1.1), None);
        assert_eq!(quantile(&[1.0], f64::NAN), None);
    }
}
