//! Little's law: whether what connections waited accounts for all of their time.
//!
//! In a closed loop every connection is always waiting for an answer, so that throughput × latency is their number, and
//! connections × requests ÷ waiting is a second opinion on throughput. Where the two differ by more than their
//! blocks scatter, and nothing that was counted explains it, something was not measured.

use record::{Block, CellResult, DELIVERIES_LOST, Figure, LoadKind};
use stats::paired;
use stats::thresholds::{CONFIDENCE, LITTLE_DEVIATION};

/// A connection that failed, or is made anew, may be away for so long: the longest rest after failures, the longest wait
/// for a peer to close, or a lost SYN packet.
const AWAY_S: f64 = 1.0;

/// Which way waiting fails to account for the connections.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Account {
    /// Connections waited less than they were there.
    TooLittle,
    /// Requests waited longer than connections were measured.
    TooMuch,
}

/// A deviation from Little's law that nothing explains.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Deviation {
    /// Which way.
    pub account: Account,
    /// Throughput × mean latency.
    pub under_way: f64,
    /// Requests per second by connections ÷ waiting.
    pub by_latency_rps: f64,
}

/// The deviation of a cell that was measured for a time; `None` where the law holds, is explained, or cannot be judged.
pub(crate) fn unexplained(cell: &CellResult, timeout_s: f64) -> Option<Deviation> {
    let is_broadcast = |figure: &Figure| figure.name == DELIVERIES_LOST;
    if cell.load != LoadKind::Closed || cell.figures.iter().any(is_broadcast) {
        return None;
    }
    let ratio = waiting_over_throughput(cell)?;
    let account = if ratio > 1.0 {
        Account::TooLittle
    } else {
        Account::TooMuch
    };
    let connections_s = f64::from(cell.concurrency) * cell.duration_s;
    let missing_s = connections_s * (1.0 - ratio.recip()).abs();
    if missing_s <= explained_s(cell, account, timeout_s) {
        return None;
    }
    let under_way = cell.throughput_rps * cell.latency_us.mean? / 1e6;
    // Where the two figures of the table say otherwise, what was never answered makes the difference.
    let agrees = (under_way < f64::from(cell.concurrency)) == (account == Account::TooLittle);
    agrees.then_some(Deviation {
        account,
        under_way,
        by_latency_rps: cell.throughput_rps * ratio,
    })
}

/// Throughput by waiting ÷ throughput by time, where the blocks agree that they differ by more than is tolerated.
fn waiting_over_throughput(cell: &CellResult) -> Option<f64> {
    let used = cell.blocks.iter().filter(|block| block.dropped.is_none());
    let ratios: Option<Vec<f64>> = used
        .map(|block| Some((by_latency_rps(block, cell.concurrency)? / block.throughput_rps).ln()))
        .collect();
    let result = paired::compare(&ratios?, CONFIDENCE)?;
    let differs = !result.interval()?.contains(1.0);
    let ratio = result.ratio;
    (differs && (ratio - 1.0).abs() > LITTLE_DEVIATION).then_some(ratio)
}

/// A record from before the figure tells by its mean latency, where every request was answered.
fn by_latency_rps(block: &Block, concurrency: u32) -> Option<f64> {
    let by_mean = |mean_us: f64| f64::from(concurrency) * 1e6 / mean_us;
    let mean_us = block.mean_us.filter(|_| block.errors == 0);
    block.by_latency_rps.or_else(|| mean_us.map(by_mean))
}

/// Time of connections that what was counted explains, at most.
fn explained_s(cell: &CellResult, account: Account, timeout_s: f64) -> f64 {
    let connections = &cell.connections;
    match account {
        Account::TooLittle => {
            let made = connections.established + connections.failed;
            let again = made.saturating_sub(u64::from(cell.concurrency));
            (cell.errors.total + again) as f64 * AWAY_S
                + connections.unanswered as f64 * cell.duration_s
        }
        Account::TooMuch => cell.errors.timeout as f64 * timeout_s,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::cells::result;

    /// Blocks of 1,000/s over ten connections, whose requests waited so many times as long as they should.
    fn cell(waited: &[f64]) -> CellResult {
        let mut cell = result("server", &vec![1_000.0; waited.len()]);
        (cell.concurrency, cell.duration_s) = (10, waited.len() as f64);
        cell.throughput_rps = 1_000.0;
        let mean = waited.iter().sum::<f64>() / waited.len() as f64;
        cell.latency_us.mean = Some(10_000.0 * mean);
        cell.connections.established = 10;
        for (block, waited) in cell.blocks.iter_mut().zip(waited) {
            block.by_latency_rps = Some(1_000.0 / waited);
        }
        cell
    }

    #[test]
    fn both_directions_are_seen_with_the_product_of_the_table() {
        let less = unexplained(&cell(&[0.9; 6]), 10.0).unwrap();
        assert_eq!(less.account, Account::TooLittle);
        assert!((less.under_way - 9.0).abs() < 1e-9, "{less:?}");
        assert!((less.by_latency_rps - 1_000.0 / 0.9).abs() < 1e-6);
        let more = unexplained(&cell(&[1.1; 6]), 10.0).unwrap();
        assert_eq!(more.account, Account::TooMuch);
        assert!((more.under_way - 11.0).abs() < 1e-9, "{more:?}");
    }

    #[test]
    fn what_blocks_do_not_agree_on_or_is_small_is_none() {
        assert_eq!(unexplained(&cell(&[1.0; 6]), 10.0), None);
        assert_eq!(unexplained(&cell(&[0.98; 6]), 10.0), None, "2 %");
        let one_odd_block = [1.0, 1.0, 1.0, 1.0, 1.0, 0.5];
        assert_eq!(unexplained(&cell(&one_odd_block), 10.0), None);
        assert_eq!(unexplained(&cell(&[0.5; 5]), 10.0), None, "too few blocks");
    }

    #[test]
    fn errors_new_connections_and_those_never_served_explain_too_little() {
        let changes: [fn(&mut CellResult); 3] = [
            |cell| cell.errors.total = 7,
            |cell| cell.connections.established += 7,
            |cell| cell.connections.unanswered = 1,
        ];
        for change in changes {
            // Of ten connections for six seconds, three seconds are missing, then 42.
            let mut explained = cell(&[0.95; 6]);
            change(&mut explained);
            assert_eq!(unexplained(&explained, 10.0), None);
            let mut too_much_missing = cell(&[0.3; 6]);
            change(&mut too_much_missing);
            assert!(unexplained(&too_much_missing, 10.0).is_some());
        }
    }

    #[test]
    fn lost_answers_explain_too_much_for_as_long_as_they_were_awaited() {
        let mut lost = cell(&[1.1; 6]);
        lost.errors.timeout = 1;
        assert_eq!(unexplained(&lost, 10.0), None);
        assert!(unexplained(&lost, 1.0).is_some());
    }
}
