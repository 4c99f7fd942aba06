//! Simulated sweeps, seeded: noise alone makes no winner, and a true flip is found in noise.

use crate::support::{CellSpec, Numbers};
use analysis::sweep::distance_from_flip;
use analysis::sweep::interim_looks::{BLOCKS_PER_VISIT, FIRST_LOOK_VISITS, SECOND_LOOK_VISITS};
use record::sweep::{
    CrossoverAnswer, Outcome, SweepCell, SweepConfig, SweepRecord, SweepServer, Visit,
};
use record::{Environment, ServerConfig};

const CONCURRENCIES: [u32; 9] = [1, 3, 10, 32, 100, 316, 1_000, 3_162, 10_000];

/// How figures scatter, as standard deviations of their logarithms.
#[derive(Clone, Copy)]
struct Noise {
    /// From block to block.
    block: f64,
    /// From visit to visit: a fresh process is a little faster or slower in all its blocks.
    visit: f64,
}

/// Thirty-six cells of two servers, nothing visited yet.
fn unmeasured(margin: f64) -> SweepRecord {
    let named = |name: &str| ServerConfig {
        name: name.to_owned(),
        ..ServerConfig::default()
    };
    let config = SweepConfig {
        servers: vec![named("sync"), named("async")],
        waits_ms: vec![0, 1, 10, 100],
        wait: "exact".to_owned(),
        cpu_units: vec![0],
        keep_alive: vec![true],
        concurrencies: CONCURRENCIES.to_vec(),
        blocks_per_visit: BLOCKS_PER_VISIT,
        confidence: 0.95,
        margin,
        threads: 2,
        ..SweepConfig::default()
    };
    let server = |name: &'static str| SweepServer {
        name: name.to_owned(),
        result: Some(
            CellSpec {
                server: name,
                blocks: BLOCKS_PER_VISIT * SECOND_LOOK_VISITS as u32,
                ..CellSpec::default()
            }
            .build(),
        ),
        limit: None,
        stopped: None,
    };
    let servers = vec![server("sync"), server("async")];
    let cell = |spot| SweepCell {
        spot,
        in_turns: false,
        slice_ms: Some(50.0),
        visits: Vec::new(),
        servers: servers.clone(),
        comparisons: Vec::new(),
    };
    SweepRecord {
        schema_version: 1,
        kind: "sweep".to_owned(),
        program_version: String::new(),
        started_at: String::new(),
        interrupted: false,
        elapsed_s: 0.0,
        environment: Environment {
            cores: 2,
            ..Environment::default()
        },
        ceilings: Vec::new(),
        cells: config.spots().into_iter().map(cell).collect(),
        config,
        crossovers: Vec::new(),
        page: Vec::new(),
        warnings: Vec::new(),
    }
}

/// Near enough to a normal distribution of mean 0 and standard deviation 1.
fn normal(numbers: &mut Numbers) -> f64 {
    (0..12).map(|_| numbers.next()).sum::<f64>() - 6.0
}

/// Visits a cell in which the second server truly answers `ratio` times as much.
fn visit(cell: &mut SweepCell, ratio: f64, noise: Noise, numbers: &mut Numbers) {
    let first_block = cell.visits.len() as u32 * BLOCKS_PER_VISIT;
    for (server, truth) in cell.servers.iter_mut().zip([1.0, ratio]) {
        let result = server.result.as_mut().expect("it is measured");
        let process = noise.visit * normal(numbers);
        let blocks = result.blocks.iter_mut().skip(first_block as usize);
        for block in blocks.take(BLOCKS_PER_VISIT as usize) {
            let scatter = process + noise.block * normal(numbers);
            block.throughput_rps = 10_000.0 * truth * scatter.exp();
        }
    }
    cell.visits.push(Visit {
        first_block,
        blocks: BLOCKS_PER_VISIT,
        took_s: 1.0,
    });
}

/// A whole sweep, both looks: every cell is visited until the first, undecided ones until the second.
fn measure(
    record: &mut SweepRecord,
    ratio: impl Fn(u32) -> f64,
    noise: impl Fn(u32) -> Noise,
    numbers: &mut Numbers,
) {
    for cell in &mut record.cells {
        cell.visits.clear();
    }
    for visits in [FIRST_LOOK_VISITS, SECOND_LOOK_VISITS] {
        for cell in &mut record.cells {
            let undecided = cell.visits.is_empty() || distance_from_flip(cell).is_some();
            while undecided && cell.visits.len() < visits {
                let at = cell.spot.concurrency;
                visit(cell, ratio(at), noise(at), numbers);
            }
        }
        analysis::sweep::analyse(record);
    }
}

/// How many of so many maps of equals name a winner.
fn maps_with_a_winner(maps: u32, margin: f64, noise: Noise) -> u32 {
    wrong_maps(maps, margin, |_| noise)
}

/// The same where the noise differs between concurrencies.
fn wrong_maps(maps: u32, margin: f64, noise: impl Fn(u32) -> Noise) -> u32 {
    let mut numbers = Numbers::new(5);
    let mut record = unmeasured(margin);
    let mut wrong = 0;
    for _ in 0..maps {
        measure(&mut record, |_| 1.0, &noise, &mut numbers);
        let outcomes = record.cells.iter().flat_map(|cell| &cell.comparisons);
        let mut outcomes = outcomes.map(|it| it.outcome);
        wrong += u32::from(
            outcomes.any(|outcome| matches!(outcome, Outcome::Candidate | Outcome::Baseline)),
        );
    }
    wrong
}

const MAPS: u32 = 200;
/// Five in a hundred, and two standard deviations of that many.
const TOLERATED: u32 = 10 + 6;

#[test]
fn noise_of_blocks_and_of_processes_makes_a_winner_in_one_map_of_twenty_at_most() {
    for visit in [0.0, 0.01, 0.03, 0.1] {
        let noise = Noise { block: 0.03, visit };
        let wrong = maps_with_a_winner(MAPS, 0.0, noise);
        assert!(wrong <= TOLERATED, "{wrong} of {MAPS} at {visit}");
        assert!(wrong > 0, "nothing would be found with such a rule");
    }
}

#[test]
fn cells_that_scatter_more_than_others_make_no_more_winners() {
    let steady = Noise {
        block: 0.005,
        visit: 0.005,
    };
    let rough = Noise {
        block: 0.05,
        visit: 0.1,
    };
    let wrong = wrong_maps(
        MAPS,
        0.0,
        |concurrency| {
            if concurrency < 300 { steady } else { rough }
        },
    );
    assert!(wrong <= TOLERATED, "{wrong} of {MAPS}");
}

#[test]
fn a_margin_makes_winners_of_equals_rarer_still() {
    let noise = Noise {
        block: 0.03,
        visit: 0.01,
    };
    let wrong = maps_with_a_winner(MAPS, 0.02, noise);
    assert!(wrong <= TOLERATED / 2, "{wrong} of {MAPS}");
}

#[test]
fn a_true_flip_is_found_in_noise() {
    let noise = Noise {
        block: 0.03,
        visit: 0.015,
    };
    let truth = |concurrency| if concurrency < 100 { 0.85 } else { 1.2 };
    let flip = CrossoverAnswer::From {
        concurrency: 100,
        baseline_until: Some(32),
    };
    let mut numbers = Numbers::new(11);
    let mut record = unmeasured(0.02);
    let (mut found, mut rows) = (0, 0);
    for _ in 0..20 {
        measure(&mut record, truth, |_| noise, &mut numbers);
        let answers = record.crossovers.iter().map(|it| it.answer);
        rows += answers.len();
        found += answers.filter(|answer| *answer == flip).count();
    }
    assert_eq!(rows, 80);
    assert!(found >= 72, "{found} of {rows}");
}
