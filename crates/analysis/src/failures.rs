//! How many errors are too many. The one place that says so, for every command.

/// Whether errors are more than a share of all requests, answered and failed ones; of nothing, none are too many.
pub fn exceed(share: f64, answered: u64, failed: u64) -> bool {
    failed as f64 > share * (answered + failed) as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn errors_are_a_share_of_all_requests_and_not_of_the_answers() {
        assert!(!exceed(0.01, 99, 1));
        assert!(exceed(0.01, 98, 2));
        assert!(!exceed(0.0, 0, 0));
        assert!(exceed(0.0, 1_000_000, 1));
        assert!(exceed(0.5, 0, 1));
        assert!(!exceed(1.0, 0, 1));
    }
}
