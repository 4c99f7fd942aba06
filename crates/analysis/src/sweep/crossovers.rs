//! Where the answer flips along the concurrencies.

use record::sweep::{CrossoverAnswer, CrossoverResult, Outcome, SweepCell, SweepRecord};
use stats::crossover::{Cell, Crossover, locate};
use stats::interval::ConfidenceInterval;

/// One answer for each pair of servers and each kind of work, in the order of the configuration.
pub fn all(record: &SweepRecord) -> Vec<CrossoverResult> {
    let config = &record.config;
    let mut answers = Vec::new();
    for (baseline, candidate) in config.pairs() {
        for &keep_alive in &config.keep_alive {
            for &cpu_units in &config.cpu_units {
                for &wait_ms in &config.waits_ms {
                    let row = row(record, keep_alive, cpu_units, wait_ms);
                    answers.push(CrossoverResult {
                        baseline: baseline.to_owned(),
                        candidate: candidate.to_owned(),
                        wait_ms,
                        cpu_units,
                        keep_alive,
                        answer: answer(&row, baseline, candidate),
                    });
                }
            }
        }
    }
    answers
}

/// The cells of one kind of work, by rising concurrency.
pub fn row(
    record: &SweepRecord,
    keep_alive: bool,
    cpu_units: u64,
    wait_ms: u64,
) -> Vec<&SweepCell> {
    let of_row = |cell: &&SweepCell| {
        let spot = cell.spot;
        (spot.keep_alive, spot.cpu_units, spot.wait_ms) == (keep_alive, cpu_units, wait_ms)
    };
    let mut row: Vec<_> = record.cells.iter().filter(of_row).collect();
    row.sort_by_key(|cell| cell.spot.concurrency);
    row
}

fn answer(row: &[&SweepCell], baseline: &str, candidate: &str) -> CrossoverAnswer {
    let outcomes: Vec<(u64, Outcome)> = row
        .iter()
        .map(|cell| {
            let comparison = cell.comparison(baseline, candidate);
            let outcome = comparison.map_or(Outcome::CannotTell, |it| it.outcome);
            (u64::from(cell.spot.concurrency), outcome)
        })
        .collect();
    if !outcomes.is_empty()
        && outcomes
            .iter()
            .all(|(_, outcome)| matches!(outcome, Outcome::Equal | Outcome::Wait))
    {
        return CrossoverAnswer::Equal;
    }
    let cells: Vec<Cell> = outcomes
        .into_iter()
        .map(|(concurrency, outcome)| Cell {
            concurrency,
            ratio: side(outcome),
        })
        .collect();
    match locate(&cells) {
        Crossover::Always => CrossoverAnswer::Always,
        Crossover::Never => CrossoverAnswer::Never,
        Crossover::From {
            concurrency,
            baseline_until,
        } => CrossoverAnswer::From {
            concurrency,
            baseline_until,
        },
        Crossover::UpTo {
            concurrency,
            baseline_from,
        } => CrossoverAnswer::UpTo {
            concurrency,
            baseline_from,
        },
        Crossover::Scattered => CrossoverAnswer::Scattered,
        Crossover::CannotTell => CrossoverAnswer::CannotTell,
    }
}

/// The outcome has the margin in it already; all that is left to say is the side of 1.
fn side(outcome: Outcome) -> Option<ConfidenceInterval> {
    let at = |ratio| {
        Some(ConfidenceInterval {
            low: ratio,
            high: ratio,
        })
    };
    match outcome {
        Outcome::Candidate => at(2.0),
        Outcome::Baseline => at(0.5),
        Outcome::Equal | Outcome::Wait | Outcome::CannotTell => None,
    }
}
