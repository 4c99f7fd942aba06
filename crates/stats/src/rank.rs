//! Orders: who comes first, and whether two orders agree.

use std::cmp::Ordering;

/// Rank of each value, 1 for the largest; equal values share the better rank (1, 2, 2, 4).
///
/// `None` if a value is not a number.
pub fn ranks_descending(values: &[f64]) -> Option<Vec<usize>> {
    if values.iter().any(|value| value.is_nan()) {
        return None;
    }
    let rank = |value: &f64| 1 + values.iter().filter(|other| *other > value).count();
    Some(values.iter().map(rank).collect())
}

/// Kendall's τ-b: 1 when two orders agree in every pair, −1 when they are opposite, corrected for
/// ties (Kendall, "The treatment of ties in ranking problems", 1945).
///
/// `None` for lengths that differ, values that are not numbers, or an order that is all ties.
pub fn kendall_tau_b(left: &[f64], right: &[f64]) -> Option<f64> {
    if left.len() != right.len() {
        return None;
    }
    let (mut agreement, mut untied_left, mut untied_right) = (0_i64, 0_i64, 0_i64);
    for i in 0..left.len() {
        for j in 0..i {
            let by_left = direction(left[i].partial_cmp(&left[j])?);
            let by_right = direction(right[i].partial_cmp(&right[j])?);
            agreement += by_left * by_right;
            untied_left += by_left.abs();
            untied_right += by_right.abs();
        }
    }
    let pairs = (untied_left as f64 * untied_right as f64).sqrt();
    (pairs > 0.0).then(|| agreement as f64 / pairs)
}

fn direction(order: Ordering) -> i64 {
    order as i64
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn equal_values_share_the_better_rank() {
        assert_eq!(
            ranks_descending(&[10.0, 40.0, 20.0, 20.0]),
            Some(vec![4, 1, 2, 2])
        );
        assert_eq!(ranks_descending(&[1.0, f64::NAN]), None);
    }

    #[test]
    fn tau_of_known_orders() {
        let order = [1.0, 2.0, 3.0, 4.0];
        assert_eq!(kendall_tau_b(&order, &order), Some(1.0));
        assert_eq!(kendall_tau_b(&order, &[4.0, 3.0, 2.0, 1.0]), Some(-1.0));
        // One of six pairs disagrees: (5 − 1) / 6.
        let swapped = kendall_tau_b(&order, &[1.0, 2.0, 4.0, 3.0]).unwrap();
        assert!((swapped - 4.0 / 6.0).abs() < 1e-12);
        // Two untied pairs agree, one pair is tied on the right: 2 / √(3 · 2).
        let tied = kendall_tau_b(&[1.0, 2.0, 3.0], &[1.0, 2.0, 2.0]).unwrap();
        assert!((tied - 2.0 / 6.0_f64.sqrt()).abs() < 1e-12);
    }

    #[test]
    fn nothing_to_order_has_no_tau() {
        assert_eq!(kendall_tau_b(&[], &[]), None);
        assert_eq!(kendall_tau_b(&[1.0], &[1.0]), None);
        assert_eq!(kendall_tau_b(&[1.0, 2.0], &[1.0]), None);
        assert_eq!(kendall_tau_b(&[1.0, 1.0], &[1.0, 2.0]), None);
        assert_eq!(kendall_tau_b(&[1.0, f64::NAN], &[1.0, 2.0]), None);
    }

    proptest! {
        #[test]
        fn tau_looks_at_order_only(pairs in prop::collection::vec((-9..9_i32, -9..9_i32), 2..12)) {
            let (left, right): (Vec<f64>, Vec<f64>) =
                pairs.iter().map(|(l, r)| (f64::from(*l), f64::from(*r))).unzip();
            let tau = kendall_tau_b(&left, &right);
            let stretched: Vec<_> = left.iter().map(|value| value.exp()).collect();
            let turned: Vec<_> = right.iter().map(|value| -value).collect();
            prop_assert_eq!(tau, kendall_tau_b(&stretched, &right));
            prop_assert_eq!(tau, kendall_tau_b(&right, &left));
            prop_assert_eq!(tau.map(|t| -t), kendall_tau_b(&left, &turned));
            prop_assert!(tau.is_none_or(|t| t.abs() <= 1.0 + 1e-12));
        }
    }
}
