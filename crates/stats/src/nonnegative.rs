//! Least squares with three unknowns, free or not below zero.
//!
//! Solves for x so that x₀·c₀ + x₁·c₁ + x₂·c₂ comes closest to 1 in every row.

/// The columns of a system, all equally long.
pub(crate) type Columns = [Vec<f64>; 3];

/// The solution that may be negative; `None` if the columns do not determine it.
pub(crate) fn least_squares(columns: &Columns) -> Option<[f64; 3]> {
    solve(columns, [true; 3])
}

/// The best solution without a negative part.
///
/// In the best one, each unknown is either zero or free: with three of them there are only 8 such
/// active sets, so all are tried. `None` if none can be solved.
pub(crate) fn nonnegative_least_squares(columns: &Columns) -> Option<[f64; 3]> {
    (0..8_u8)
        .filter_map(|set| solve(columns, [set & 1 != 0, set & 2 != 0, set & 4 != 0]))
        .filter(|solution| solution.iter().all(|part| *part >= 0.0))
        .min_by(|a, b| squared_misfit(columns, a).total_cmp(&squared_misfit(columns, b)))
}

/// Sum over the rows of the squared distance from 1.
pub(crate) fn squared_misfit(columns: &Columns, solution: &[f64; 3]) -> f64 {
    (0..columns[0].len())
        .map(|row| {
            let value: f64 = (0..3).map(|k| solution[k] * columns[k][row]).sum();
            (1.0 - value).powi(2)
        })
        .sum()
}

/// Least squares over the free unknowns, the others zero, by a QR decomposition (modified
/// Gram–Schmidt); `None` if the free columns depend on each other.
fn solve(columns: &Columns, free: [bool; 3]) -> Option<[f64; 3]> {
    let free: Vec<usize> = (0..3).filter(|index| free[*index]).collect();
    let mut basis: Vec<Vec<f64>> = Vec::new();
    let mut upper = [[0.0; 3]; 3];
    let mut residual = vec![1.0; columns[0].len()];
    let mut along = [0.0; 3];
    for (j, &index) in free.iter().enumerate() {
        let mut direction = columns[index].clone();
        for (i, previous) in basis.iter().enumerate() {
            upper[i][j] = dot(previous, &direction);
            subtract(&mut direction, previous, upper[i][j]);
        }
        let length = dot(&direction, &direction).sqrt();
        let original = dot(&columns[index], &columns[index]).sqrt();
        if length.is_nan() || length <= 1e-10 * original {
            return None;
        }
        direction.iter_mut().for_each(|value| *value /= length);
        upper[j][j] = length;
        along[j] = dot(&direction, &residual);
        subtract(&mut residual, &direction, along[j]);
        basis.push(direction);
    }
    let mut solution = [0.0; 3];
    for (i, &index) in free.iter().enumerate().rev() {
        let known: f64 = (i + 1..free.len())
            .map(|j| upper[i][j] * solution[free[j]])
            .sum();
        solution[index] = (along[i] - known) / upper[i][i];
    }
    Some(solution)
}

fn dot(left: &[f64], right: &[f64]) -> f64 {
    left.iter().zip(right).map(|(l, r)| l * r).sum()
}

fn subtract(vector: &mut [f64], direction: &[f64], length: f64) {
    for (value, step) in vector.iter_mut().zip(direction) {
        *value -= length * step;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn assert_solution(solution: Option<[f64; 3]>, expected: [f64; 3]) {
        let solution = solution.unwrap();
        for (part, expected) in solution.iter().zip(expected) {
            assert!((part - expected).abs() < 1e-9, "{solution:?}");
        }
    }

    #[test]
    fn an_exact_solution_is_found() {
        // 1 = 2·x₀ + x₁ = x₁ + x₂ = x₀ + x₂
        let columns = [
            vec![2.0, 0.0, 1.0],
            vec![1.0, 1.0, 0.0],
            vec![0.0, 1.0, 1.0],
        ];
        let expected = [1.0 / 3.0, 1.0 / 3.0, 2.0 / 3.0];
        assert_solution(least_squares(&columns), expected);
        assert_solution(nonnegative_least_squares(&columns), expected);
    }

    #[test]
    fn what_would_be_negative_becomes_zero() {
        // Freely 1.25 and −0.25; without negatives, the first column alone fits best. The third
        // would only ever be subtracted.
        let columns = [
            vec![1.0, 1.0, 0.6],
            vec![1.0, 1.0, -1.0],
            vec![0.0, 0.0, -1.0],
        ];
        let two_free = solve(&columns, [true, true, false]);
        assert_solution(two_free, [1.25, -0.25, 0.0]);
        let alone = 2.6 / 2.36;
        assert_solution(nonnegative_least_squares(&columns), [alone, 0.0, 0.0]);
    }

    #[test]
    fn columns_that_depend_on_each_other_determine_nothing() {
        let columns = [
            vec![1.0, 2.0, 3.0],
            vec![2.0, 4.0, 6.0],
            vec![1.0, 0.0, 0.0],
        ];
        assert_eq!(least_squares(&columns), None);
        assert!(nonnegative_least_squares(&columns).is_some());
    }

    proptest! {
        #[test]
        fn no_other_solution_without_negatives_fits_better(
            rows in prop::collection::vec([-1.0..1.0_f64, -1.0..1.0, -1.0..1.0], 4..9),
            other in [0.0..3.0_f64, 0.0..3.0, 0.0..3.0],
        ) {
            let columns: Columns = [0, 1, 2].map(|k| rows.iter().map(|row| row[k]).collect());
            let best = nonnegative_least_squares(&columns).unwrap();
            prop_assert!(best.iter().all(|part| *part >= 0.0));
            prop_assert!(squared_misfit(&columns, &best) <= squared_misfit(&columns, &other) + 1e-9);
        }
    }
}
