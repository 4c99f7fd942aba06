//! Who wins each cell. Everything here is derived from the blocks and can be derived again.

use record::limited::LimitedBy;
use record::sweep::{Outcome, SweepCell, SweepComparison, SweepConfig, SweepRecord, SweepServer};
use record::{Block, CellResult, Warning};
use stats::interval::ConfidenceInterval;
use stats::{student, summary};

use crate::comparisons::is_contended;
use crate::limit::{self, Cores};
use crate::sweep::interim_looks::look;
use crate::sweep::{crossovers, narrative};
use crate::{ceiling, usage};

/// Fills in all that follows from what was measured; doing it twice changes nothing.
pub fn analyse(record: &mut SweepRecord) {
    let cores = cores(record);
    let config = record.config.clone();
    for cell in &mut record.cells {
        analyse_cell(cell, &config, cores);
    }
    record.crossovers = crossovers::all(record);
    record
        .warnings
        .retain(|warning| !DERIVED.contains(&warning.code.as_str()));
    let derived = warnings(record);
    record.warnings.extend(derived);
    record.page = narrative::page(record);
}

/// Limits and comparisons of one cell.
pub fn analyse_cell(cell: &mut SweepCell, config: &SweepConfig, cores: Cores) {
    let pool = |server: &str| {
        let mut servers = config.servers.iter();
        servers.find(|it| it.name == server)?.declared_pool()
    };
    for server in &mut cell.servers {
        let result = server.result.as_ref();
        server.limit = result.and_then(|it| limit::limit(it, cores, pool(&it.server)));
    }
    let compare = |(baseline, candidate): (&str, &str)| {
        Some(compare(
            cell,
            config,
            cell.server(baseline)?,
            cell.server(candidate)?,
        ))
    };
    cell.comparisons = config.pairs().into_iter().filter_map(compare).collect();
}

/// The CPU that both sides of a sweep may use.
pub fn cores(record: &SweepRecord) -> Cores {
    let config = &record.config;
    Cores::of(
        &record.environment,
        config.threads,
        config.server_cpus.as_deref(),
        config.client_cpus.as_deref(),
    )
}

/// How far a cell is from flipping, as the smallest |ln ratio| of its undecided pairs; `None` when no
/// further block could decide anything. Smaller is closer.
pub fn distance_from_flip(cell: &SweepCell) -> Option<f64> {
    let can_decide = |pair: &&SweepComparison| {
        let works = |name| {
            cell.server(name)
                .is_some_and(|it| it.stopped.is_none() && !client_bound(it))
        };
        pair.outcome == Outcome::CannotTell && works(&pair.baseline) && works(&pair.candidate)
    };
    let undecided = cell.comparisons.iter().filter(can_decide);
    let distances = undecided.map(|pair| pair.ratio.map_or(0.0, |ratio| ratio.ln().abs()));
    distances.min_by(f64::total_cmp)
}

/// Whether a server's figures tell of the load generator instead.
pub fn client_bound(server: &SweepServer) -> bool {
    server
        .limit
        .as_ref()
        .is_some_and(|limit| limit.by == LimitedBy::ClientCpu)
}

fn compare(
    cell: &SweepCell,
    config: &SweepConfig,
    baseline: &SweepServer,
    candidate: &SweepServer,
) -> SweepComparison {
    let mut comparison = SweepComparison {
        baseline: baseline.name.clone(),
        candidate: candidate.name.clone(),
        ratio: None,
        low: None,
        high: None,
        confidence: None,
        blocks: 0,
        sigma: None,
        others_percent: None,
        credited_low: None,
        credited_high: None,
        outcome: Outcome::CannotTell,
        reason: None,
    };
    match (&baseline.stopped, &candidate.stopped) {
        (Some(_), Some(_)) => comparison.reason = Some("neither server works here".to_owned()),
        (Some(_), None) if candidate.result.is_some() => comparison.outcome = Outcome::Candidate,
        (None, Some(_)) if baseline.result.is_some() => comparison.outcome = Outcome::Baseline,
        _ => match (&baseline.result, &candidate.result) {
            (Some(below), Some(above)) => {
                fill_in(&mut comparison, cell, config, [below, above]);
                if ceiling::is_reached(&[below, above]) {
                    comparison.outcome = Outcome::Wait;
                    comparison.reason = None;
                } else if let Some(bound) = [baseline, candidate]
                    .into_iter()
                    .find(|it| client_bound(it))
                {
                    comparison.outcome = Outcome::CannotTell;
                    comparison.reason = Some(format!("the load generator limits {}", bound.name));
                }
            }
            _ => comparison.reason = Some("not measured".to_owned()),
        },
    }
    comparison
}

/// The ratio over all visits; from the first look on, its interval over the visits of that look.
fn fill_in(
    comparison: &mut SweepComparison,
    cell: &SweepCell,
    config: &SweepConfig,
    arms: [&CellResult; 2],
) {
    let look = if config.quick {
        None
    } else {
        look(cell.visits.len(), config.confidence, config.spots().len())
    };
    let visits = Visits::of(cell, arms, look.map_or(usize::MAX, |look| look.visits));
    comparison.ratio = summary::mean(&visits.plain).map(f64::exp);
    comparison.sigma = summary::stdev(&visits.plain);
    comparison.blocks = u32::try_from(visits.blocks.len() / 2).unwrap_or(u32::MAX);
    comparison.others_percent = usage::others_percent(visits.blocks.iter().copied());
    let Some(look) = look else {
        comparison.reason = Some(match (config.quick, comparison.ratio) {
            (_, None) => too_few_of_both(arms),
            (true, _) => "too few blocks for an interval: measured with --quick".to_owned(),
            (false, _) => "visited too few times for an interval".to_owned(),
        });
        return;
    };
    comparison.confidence = Some(look.confidence);
    let interval = |log_ratios: &[f64]| student::mean_interval(log_ratios, look.confidence);
    let (Some(plain), Some(below), Some(above)) = (
        interval(&visits.plain),
        interval(&visits.baseline_credited),
        interval(&visits.candidate_credited),
    ) else {
        comparison.reason = Some(too_few_of_both(arms));
        return;
    };
    comparison.low = Some(plain.low.exp());
    comparison.high = Some(plain.high.exp());
    comparison.credited_low = Some(below.low.exp());
    comparison.credited_high = Some(above.high.exp());
    let [plain, credited] =
        [(plain.low, plain.high), (below.low, above.high)].map(|(low, high)| ConfidenceInterval {
            low: low.exp(),
            high: high.exp(),
        });
    comparison.outcome = match outcome(plain, credited, config.margin) {
        Outcome::Equal if is_contended(comparison.others_percent) => Outcome::CannotTell,
        outcome => outcome,
    };
    comparison.reason = (comparison.outcome == Outcome::CannotTell)
        .then(|| undecided(comparison, outcome(plain, plain, config.margin)));
}

/// Why there are too few visits of two servers.
fn too_few_of_both(arms: [&CellResult; 2]) -> String {
    let mut blocks = arms.into_iter().flat_map(|arm| &arm.blocks);
    let why = match blocks.any(|block| block.dropped.is_some()) {
        true => "blocks were left out",
        false => "one of them answered nothing",
    };
    format!("too few visits in which both could be measured: {why}")
}

/// Why nobody is said to win, when without other programs it would be said who does.
fn undecided(comparison: &SweepComparison, without_others: Outcome) -> String {
    let others = comparison.others_percent;
    let by_others = without_others != Outcome::CannotTell || is_contended(others);
    match others.filter(|_| by_others) {
        Some(percent) => format!(
            "other programs used {} of this machine: no winner is named",
            format::percent(percent)
        ),
        None => "the interval touches the border between winning and being equal".to_owned(),
    }
}

/// What each visit says of two servers: the mean of its blocks' log ratios. Blocks of a visit share their processes, so
/// the visit is the unit.
#[derive(Default)]
struct Visits<'a> {
    plain: Vec<f64>,
    /// The same with the baseline credited with the CPU that other programs took, and with the candidate.
    baseline_credited: Vec<f64>,
    candidate_credited: Vec<f64>,
    /// All blocks that were used, of both.
    blocks: Vec<&'a Block>,
}

impl<'a> Visits<'a> {
    /// Of the first so many visits, without those of which no block could be used.
    fn of(cell: &SweepCell, arms: [&'a CellResult; 2], visits: usize) -> Visits<'a> {
        let mut all = Visits::default();
        for visit in cell.visits.iter().take(visits) {
            let numbers = visit.first_block..visit.first_block + visit.blocks;
            let pairs: Vec<[&Block; 2]> = numbers.filter_map(|number| pair(arms, number)).collect();
            let mean = |of: &dyn Fn(&[&Block; 2]) -> f64| {
                summary::mean(&pairs.iter().map(of).collect::<Vec<_>>())
            };
            let ratio =
                |[below, above]: &[&Block; 2]| (above.throughput_rps / below.throughput_rps).ln();
            let credit = |block: &Block| usage::credit(block).ln();
            all.plain.extend(mean(&ratio));
            all.baseline_credited
                .extend(mean(&|pair| ratio(pair) - credit(pair[0])));
            all.candidate_credited
                .extend(mean(&|pair| ratio(pair) + credit(pair[1])));
            all.blocks.extend(pairs.into_iter().flatten());
        }
        all
    }
}

/// Both servers' blocks of a number, unless one was dropped or one server answered nothing.
fn pair<'a>(arms: [&'a CellResult; 2], number: u32) -> Option<[&'a Block; 2]> {
    let usable = |arm: &'a CellResult| {
        let mut blocks = arm.blocks.iter().filter(|block| block.index == number);
        blocks.find(|block| block.dropped.is_none() && block.throughput_rps > 0.0)
    };
    Some([usable(arms[0])?, usable(arms[1])?])
}

/// Equal by the interval itself; a winner has to win by the credited one too.
fn outcome(plain: ConfidenceInterval, credited: ConfidenceInterval, margin: f64) -> Outcome {
    let border = 1.0 + margin;
    if credited.low > border {
        Outcome::Candidate
    } else if credited.high < border.recip() {
        Outcome::Baseline
    } else if plain.low >= border.recip() && plain.high <= border {
        Outcome::Equal
    } else {
        Outcome::CannotTell
    }
}

/// Codes of the warnings that [`warnings`] derives.
const DERIVED: [&str; 7] = [
    "unoptimised_build",
    "interrupted",
    "client_bound",
    "blocks_dropped",
    "connections_in_turns",
    "errors",
    "other_programs",
];

fn warnings(record: &SweepRecord) -> Vec<Warning> {
    let mut warnings = Vec::new();
    let mut warn = |code: &str, message: String| {
        warnings.push(Warning {
            code: code.to_owned(),
            message,
        });
    };
    if !record.environment.optimised {
        let profile = &record.environment.build_profile;
        warn(
            "unoptimised_build",
            format!("built without optimisation (profile {profile}): figures say little"),
        );
    }
    if record.interrupted {
        warn(
            "interrupted",
            "the sweep ended early; `--resume` goes on with it".to_owned(),
        );
    }
    let cells = record.cells.iter();
    let bound = cells
        .clone()
        .filter(|cell| cell.servers.iter().any(client_bound))
        .count();
    if bound > 0 {
        let of = record.cells.len();
        warn(
            "client_bound",
            format!(
                "in {bound} of {of} cells the load generator was the limit: marked with c, and used for no verdict"
            ),
        );
    }
    let blocks = || {
        cells
            .clone()
            .flat_map(|cell| &cell.servers)
            .filter_map(|it| it.result.as_ref())
            .flat_map(|it| &it.blocks)
    };
    let dropped = blocks().filter(|block| block.dropped.is_some()).count();
    if dropped > 0 {
        let of = blocks().count();
        warn(
            "blocks_dropped",
            format!(
                "{dropped} of {of} blocks were left out for what happened to the whole machine"
            ),
        );
    }
    let contended = cells.clone().filter(|cell| {
        let mut pairs = cell.comparisons.iter();
        pairs.any(|it| is_contended(it.others_percent))
    });
    let contended = contended.count();
    if contended > 0 {
        let of = record.cells.len();
        warn(
            "other_programs",
            format!(
                "in {contended} of {of} cells other programs used much of the machine: nobody wins there who would not win against what they took; end them, or measure on a quieter machine"
            ),
        );
    }
    let in_turns = cells.clone().filter(|cell| cell.in_turns).count();
    if in_turns > 0 {
        warn(
            "connections_in_turns",
            format!(
                "in {in_turns} cells the servers were connected one at a time, because the limit on open files does not allow all at once: drift is cancelled less well there"
            ),
        );
    }
    let failing = cells
        .clone()
        .filter(|cell| {
            cell.servers
                .iter()
                .filter_map(|it| it.result.as_ref())
                .any(|it| 100 * it.errors.total > it.requests)
        })
        .count();
    if failing > 0 {
        warn(
            "errors",
            format!("in {failing} cells more than 1 % of the requests failed"),
        );
    }
    warnings
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::cells::result;
    use record::ServerConfig;
    use record::sweep::{Spot, StopCause, Stopped, Visit};

    fn config() -> SweepConfig {
        let server = |name: &str| ServerConfig {
            name: name.to_owned(),
            ..ServerConfig::default()
        };
        SweepConfig {
            servers: vec![server("sync"), server("async")],
            waits_ms: vec![0],
            wait: "exact".to_owned(),
            cpu_units: vec![0],
            keep_alive: vec![true],
            concurrencies: vec![10],
            confidence: 0.95,
            margin: 0.02,
            ..SweepConfig::default()
        }
    }

    /// Visits of three blocks; the candidate answers `ratios` times as much.
    fn cell(ratios: &[f64]) -> SweepCell {
        let baseline: Vec<f64> = ratios.iter().map(|_| 1_000.0).collect();
        let candidate: Vec<f64> = ratios.iter().map(|ratio| 1_000.0 * ratio).collect();
        let server = |name: &str, throughputs: &[f64]| SweepServer {
            name: name.to_owned(),
            result: Some(result(name, throughputs)),
            limit: None,
            stopped: None,
        };
        let visit = |first: usize| Visit {
            first_block: first as u32,
            blocks: 3,
            took_s: 1.0,
        };
        SweepCell {
            spot: Spot {
                wait_ms: 0,
                cpu_units: 0,
                keep_alive: true,
                concurrency: 10,
            },
            in_turns: false,
            slice_ms: Some(50.0),
            visits: (0..ratios.len()).step_by(3).map(visit).collect(),
            servers: vec![server("sync", &baseline), server("async", &candidate)],
            comparisons: Vec::new(),
        }
    }

    const CORES: Cores = Cores {
        machine: 2.0,
        server: 2.0,
        client: 2.0,
    };

    fn compared(mut cell: SweepCell) -> SweepCell {
        analyse_cell(&mut cell, &config(), CORES);
        cell
    }

    fn only(cell: &SweepCell) -> &SweepComparison {
        cell.comparisons.first().expect("there is one pair")
    }

    #[test]
    fn the_interval_decides_with_the_margin() {
        let visits = |values: [f64; 4]| values.iter().flat_map(|it| [*it; 3]).collect::<Vec<_>>();
        let spread = |ratio: f64| visits([0.0, 0.001, -0.001, 0.0].map(|by| ratio + by));
        for (ratio, outcome) in [
            (1.2, Outcome::Candidate),
            (0.8, Outcome::Baseline),
            (1.01, Outcome::Equal),
            (1.02, Outcome::CannotTell),
        ] {
            let cell = compared(cell(&spread(ratio)));
            assert_eq!(only(&cell).outcome, outcome, "{ratio}: {:?}", only(&cell));
            assert_eq!(
                distance_from_flip(&cell).is_some(),
                outcome == Outcome::CannotTell
            );
        }
    }

    #[test]
    fn there_is_no_interval_before_the_first_look() {
        let cell = compared(cell(&[2.0; 6]));
        let comparison = only(&cell);
        assert!((comparison.ratio.unwrap() - 2.0).abs() < 1e-9);
        assert_eq!(
            (comparison.low, comparison.outcome),
            (None, Outcome::CannotTell)
        );
        assert!((distance_from_flip(&cell).unwrap() - 2.0_f64.ln()).abs() < 1e-9);
    }

    #[test]
    fn between_the_looks_nothing_new_is_looked_at() {
        let visits = [1.01, 1.03, 1.02, 1.03];
        let mut ratios: Vec<f64> = visits.iter().flat_map(|it| [*it; 3]).collect();
        ratios.extend([3.0; 3]);
        let cell = compared(cell(&ratios));
        assert_eq!(
            (only(&cell).blocks, only(&cell).outcome),
            (12, Outcome::CannotTell)
        );
    }

    #[test]
    fn a_server_that_does_not_work_loses() {
        let mut cell = cell(&[1.0; 9]);
        cell.servers[0].stopped = Some(Stopped {
            cause: StopCause::Threads,
            reason: "no more".to_owned(),
            inferred: false,
        });
        let cell = compared(cell);
        assert_eq!(
            (only(&cell).outcome, only(&cell).ratio),
            (Outcome::Candidate, None)
        );
        assert_eq!(distance_from_flip(&cell), None);
    }

    #[test]
    fn cells_limited_by_the_client_have_no_winner() {
        let mut cell = cell(&[2.0; 12]);
        let result = cell.servers[1].result.as_mut().unwrap();
        result.server_resources.cores_used = Some(0.4);
        result.client_resources.cores_used = Some(1.5);
        let cell = compared(cell);
        assert_eq!(only(&cell).outcome, Outcome::CannotTell);
        assert!(
            only(&cell)
                .reason
                .as_ref()
                .unwrap()
                .contains("load generator limits async")
        );
        assert_eq!(
            distance_from_flip(&cell),
            None,
            "more blocks would not help"
        );
    }

    #[test]
    fn dropped_blocks_are_left_out_in_pairs() {
        let mut cell = cell(&[1.2; 12]);
        cell.servers[0].result.as_mut().unwrap().blocks[1].dropped = Some("steal".to_owned());
        let cell = compared(cell);
        assert_eq!(only(&cell).blocks, 11);
    }

    #[test]
    fn without_a_block_of_both_the_reason_is_what_was_seen() {
        let reason = |change: fn(&mut Block)| {
            let mut cell = cell(&[1.2; 12]);
            let result = cell.servers[0].result.as_mut().unwrap();
            result.blocks.iter_mut().for_each(change);
            let cell = compared(cell);
            assert_eq!(only(&cell).ratio, None);
            only(&cell).reason.clone().unwrap()
        };
        let left_out = reason(|block| block.dropped = Some("steal".to_owned()));
        assert!(left_out.ends_with("blocks were left out"), "{left_out}");
        let silent = reason(|block| block.throughput_rps = 0.0);
        assert!(silent.ends_with("answered nothing"), "{silent}");
    }

    #[test]
    fn visits_that_differ_are_not_outvoted_by_their_blocks() {
        // Each visit says something else, all of its blocks the same: four values, not twelve.
        let ratios: Vec<f64> = [1.02, 1.25, 1.05, 1.3]
            .iter()
            .flat_map(|it| [*it; 3])
            .collect();
        assert_eq!(only(&compared(cell(&ratios))).outcome, Outcome::CannotTell);
    }

    #[test]
    fn nobody_wins_a_cell_by_what_other_programs_took() {
        let outcome_beside = |others_s: f64| {
            let mut cell = cell(&[1.2; 12]);
            for server in &mut cell.servers {
                for block in &mut server.result.as_mut().unwrap().blocks {
                    block.cpu = Some(record::BlockCpu {
                        machine_s: 2.0,
                        server_s: Some(1.0 - others_s / 2.0),
                        client_s: 1.0 - others_s / 2.0,
                        helpers_s: Some(0.0),
                        others_s: Some(others_s),
                        ..Default::default()
                    });
                }
            }
            let cell = compared(cell);
            (only(&cell).outcome, only(&cell).reason.clone())
        };
        assert_eq!(outcome_beside(0.0), (Outcome::Candidate, None));
        assert_eq!(outcome_beside(0.1), (Outcome::Candidate, None));
        let (outcome, reason) = outcome_beside(0.8);
        assert_eq!(outcome, Outcome::CannotTell);
        assert_eq!(
            reason.as_deref(),
            Some("other programs used 40 % of this machine: no winner is named")
        );
    }

    proptest::proptest! {
        #[test]
        fn swapping_the_servers_swaps_the_winner(ratios in proptest::collection::vec(0.5..2.0_f64, 12..=12)) {
            let there = compared(cell(&ratios));
            let back = compared(cell(&ratios.iter().map(|ratio| 1.0 / ratio).collect::<Vec<_>>()));
            let swapped = match only(&there).outcome {
                Outcome::Candidate => Outcome::Baseline,
                Outcome::Baseline => Outcome::Candidate,
                other => other,
            };
            proptest::prop_assert_eq!(only(&back).outcome, swapped);
        }
    }
}
