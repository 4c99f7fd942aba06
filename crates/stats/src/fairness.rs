//! How evenly a server treated its connections.

/// How many requests each connection got answered, in a few numbers.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Fairness {
    /// Share of connections that got no answer, 0..=1.
    pub unanswered_share: f64,
    /// Requests of the connection with the fewest.
    pub min: u64,
    /// Requests of the connection in the middle, or the mean of the middle two.
    pub median: f64,
    /// Requests of the connection with the most.
    pub max: u64,
    /// Jain's index; `None` if no connection got an answer.
    pub jain: Option<f64>,
}

/// Fairness over the requests of each connection; `None` without connections.
pub fn fairness(requests: &[u64]) -> Option<Fairness> {
    let mut ascending = requests.to_vec();
    ascending.sort_unstable();
    let (min, max) = (*ascending.first()?, *ascending.last()?);
    let upper = ascending[ascending.len() / 2];
    let lower = ascending[(ascending.len() - 1) / 2];
    let unanswered = ascending.partition_point(|count| *count == 0);
    Some(Fairness {
        unanswered_share: unanswered as f64 / ascending.len() as f64,
        min,
        median: f64::midpoint(lower as f64, upper as f64),
        max,
        jain: jain_index(&ascending),
    })
}

/// Jain's fairness index (Σx)² ÷ (n·Σx²): 1 when all are alike, 1/n when one has everything
/// (Jain, Chiu and Hawe, DEC TR-301, 1984).
fn jain_index(requests: &[u64]) -> Option<f64> {
    let sum: f64 = requests.iter().map(|count| *count as f64).sum();
    let squares: f64 = requests.iter().map(|count| (*count as f64).powi(2)).sum();
    (squares > 0.0).then(|| sum.powi(2) / (requests.len() as f64 * squares))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_shares_are_fair() {
        let even = fairness(&[5, 5, 5, 5]).unwrap();
        assert_eq!(even.jain, Some(1.0));
        assert_eq!((even.min, even.median, even.max), (5, 5.0, 5));
        assert_eq!(even.unanswered_share, 0.0);
    }

    #[test]
    fn one_that_takes_all_is_not() {
        let greedy = fairness(&[0, 8, 0, 0]).unwrap();
        assert_eq!(greedy.jain, Some(0.25));
        assert_eq!(greedy.unanswered_share, 0.75);
        assert_eq!((greedy.min, greedy.median, greedy.max), (0, 0.0, 8));
    }

    #[test]
    fn no_answer_or_no_connection_has_no_index() {
        assert_eq!(fairness(&[]), None);
        let silent = fairness(&[0, 0]).unwrap();
        assert_eq!((silent.jain, silent.unanswered_share), (None, 1.0));
    }
}
