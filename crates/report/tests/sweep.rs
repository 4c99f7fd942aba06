//! Sweeps from fixed figures: the map, the page, the tables, the law.

mod support;

use std::path::Path;

use report::kept::Kept;
use report::limits::Ceiling;
use report::record::{Environment, ServerConfig};
use report::render::json;
use report::sweep::record::{
    CrossoverAnswer, Outcome, Spot, StopCause, Stopped, SweepCell, SweepConfig, SweepRecord,
    SweepServer, Visit,
};
use report::{Format, RenderOptions};
use support::{CellSpec, Numbers};

const CONCURRENCIES: [u32; 6] = [1, 10, 100, 1_000, 3_162, 10_000];
const WAITS_MS: [u64; 2] = [0, 10];
const BLOCKS_PER_VISIT: u32 = 4;

/// γN ÷ (1 + α(N − 1) + βN(N − 1)), and never more than the waits allow.
fn throughput_rps(server: &str, spot: Spot) -> f64 {
    let n = f64::from(spot.concurrency);
    let (gamma, alpha, beta) = law(server);
    let computing = gamma * n / (1.0 + alpha * (n - 1.0) + beta * n * (n - 1.0));
    match spot.wait_ms {
        0 => computing,
        wait => (n * 1e3 / wait as f64).min(computing),
    }
}

fn law(server: &str) -> (f64, f64, f64) {
    match server {
        "sync" => (20_000.0, 0.30, 2e-6),
        _ => (18_000.0, 0.22, 1e-8),
    }
}

fn server(name: &'static str, spot: Spot, visits: usize) -> SweepServer {
    let throughput_rps = throughput_rps(name, spot);
    let blocks = visits as u32 * BLOCKS_PER_VISIT;
    let mut result = CellSpec {
        server: name,
        throughput_rps,
        median_us: f64::from(spot.concurrency) / throughput_rps * 1e6,
        server_cpu_us: 12.0,
        client_cpu_us: 6.0,
        threads: if name == "sync" {
            u64::from(spot.concurrency) + 4
        } else {
            5
        },
        blocks,
        duration_s: f64::from(blocks) * 0.1,
        ..CellSpec::default()
    }
    .build();
    result.concurrency = spot.concurrency;
    // What scatters is given here, so that the law below can be found again.
    let mut numbers =
        Numbers::new(u64::from(spot.concurrency) * 31 + name.len() as u64 + spot.wait_ms);
    for block in &mut result.blocks {
        block.throughput_rps = throughput_rps * (0.998 + 0.004 * numbers.next());
        block.requests = (block.throughput_rps * 1e3) as u64;
        block.duration_s = 1e3;
    }
    SweepServer {
        name: name.to_owned(),
        result: Some(result),
        limit: None,
        stopped: None,
    }
}

fn cell(spot: Spot) -> SweepCell {
    let visits = 3;
    let visit = |number: u32| Visit {
        first_block: number * BLOCKS_PER_VISIT,
        blocks: BLOCKS_PER_VISIT,
        took_s: 3.5,
    };
    let mut servers = vec![server("sync", spot, visits), server("async", spot, visits)];
    if spot.concurrency == 10_000 {
        servers[0].stopped = Some(Stopped {
            cause: StopCause::Threads,
            reason: "4,000 of 10,000 connections got no answer (4000 status); 4000 were refused with status 503".to_owned(),
            inferred: false,
        });
    }
    SweepCell {
        spot,
        in_turns: spot.concurrency == 10_000,
        slice_ms: Some(50.0),
        visits: (0..visits as u32).map(visit).collect(),
        servers,
        comparisons: Vec::new(),
    }
}

fn sweep(quick: bool) -> SweepRecord {
    let named = |name: &str| ServerConfig {
        name: name.to_owned(),
        ..ServerConfig::default()
    };
    let config = SweepConfig {
        command: vec!["loadgen".to_owned(), "sweep".to_owned()],
        server_specs: vec!["sync".to_owned(), "async".to_owned()],
        servers: vec![named("sync"), named("async")],
        waits_ms: WAITS_MS.to_vec(),
        cpu_units: vec![0],
        keep_alive: vec![true],
        concurrencies: CONCURRENCIES.to_vec(),
        quick,
        blocks_per_visit: BLOCKS_PER_VISIT,
        confidence: 0.95,
        margin: 0.02,
        time_limit_s: 1_080.0,
        warmup_s: 0.2,
        timeout_s: 5.0,
        threads: 2,
        seed: 7,
        server_cpus: None,
        client_cpus: None,
    };
    let mut record = SweepRecord {
        schema_version: 1,
        kind: "sweep".to_owned(),
        program_version: "0.1.0".to_owned(),
        started_at: "2026-11-22T10:00:00Z".to_owned(),
        interrupted: false,
        elapsed_s: 126.0,
        environment: Environment {
            cpu: Some("Test CPU".to_owned()),
            cores: 2,
            os: "linux".to_owned(),
            kernel: Some("6.1.0".to_owned()),
            toolchain: "rustc 1.88.0".to_owned(),
            build_profile: "dev".to_owned(),
            optimised: true,
            ..Environment::default()
        },
        ceilings: vec![Ceiling {
            server: "async".to_owned(),
            connections: 19_900,
            by: "open files".to_owned(),
            reason: "server and load generator may open 20000 files each".to_owned(),
        }],
        cells: config.spots().into_iter().map(cell).collect(),
        config,
        crossovers: Vec::new(),
        page: Vec::new(),
        warnings: Vec::new(),
    };
    report::sweep::analyse(&mut record);
    record
}

fn rendered(record: &SweepRecord, format: Format) -> String {
    report::sweep::render(record, format, &RenderOptions::default()).text
}

#[test]
fn the_answer_flips_where_the_laws_cross() {
    let record = sweep(false);
    let crossing = |wait_ms| {
        let wins = CONCURRENCIES.into_iter().find(|&concurrency| {
            let spot = Spot {
                wait_ms,
                cpu_units: 0,
                keep_alive: true,
                concurrency,
            };
            throughput_rps("async", spot) > 1.02 * throughput_rps("sync", spot)
        });
        u64::from(wins.expect("async wins somewhere"))
    };
    for crossover in &record.crossovers {
        let CrossoverAnswer::From { concurrency, .. } = crossover.answer else {
            panic!("{crossover:?}")
        };
        assert_eq!(concurrency, crossing(crossover.wait_ms), "{crossover:?}");
    }
    assert_eq!(record.crossovers.len(), 2);
}

#[test]
fn a_server_against_itself_has_no_crossover() {
    let mut record = sweep(false);
    for cell in &mut record.cells {
        let mut same = server("sync", cell.spot, 3);
        for (index, block) in same.result.as_mut().unwrap().blocks.iter_mut().enumerate() {
            block.throughput_rps *= if index % 2 == 0 { 1.003 } else { 0.997 };
        }
        same.name = "async".to_owned();
        cell.servers[0] = server("sync", cell.spot, 3);
        cell.servers[1] = same;
    }
    report::sweep::analyse(&mut record);
    for crossover in &record.crossovers {
        assert_eq!(crossover.answer, CrossoverAnswer::Equal, "{crossover:?}");
    }
}

#[test]
fn doing_the_analysis_twice_changes_nothing() {
    let once = sweep(false);
    let mut twice = once.clone();
    report::sweep::analyse(&mut twice);
    assert_eq!(once, twice);
}

#[test]
fn the_record_is_read_back_as_it_was_written_and_nothing_else_is() {
    let record = sweep(false);
    let text = json::on_one_line(&record);
    let read = |text: &str| report::kept::parse(text.as_bytes(), Path::new("sweep.json"));
    let Kept::Sweep(back) = read(&text).expect("it was written by this program") else {
        panic!("it is a sweep");
    };
    assert_eq!(json::on_one_line(&back), text);
    for (text, told) in [
        ("{", "ends in the middle"),
        ("{\"schema_version\":1,\"kind\":\"sweep\"}", "missing field"),
        ("{\"schema_version\":2,\"kind\":\"sweep\"}", "newer"),
    ] {
        let error = read(text).expect_err(text).to_string();
        assert!(error.contains(told), "{text}: {error}");
    }
}

#[test]
fn quick_sweeps_name_no_winner() {
    let record = sweep(true);
    let named = |cell: &&SweepCell| {
        cell.comparisons
            .iter()
            .any(|it| it.outcome != Outcome::CannotTell)
    };
    let winners: Vec<u32> = record
        .cells
        .iter()
        .filter(named)
        .map(|cell| cell.spot.concurrency)
        .collect();
    assert_eq!(
        winners,
        [10_000, 10_000],
        "only where the other does not work"
    );
    assert!(rendered(&record, Format::Text).contains("nobody can be said to win"));
}

#[test]
fn a_sweep_for_a_terminal() {
    insta::assert_snapshot!(rendered(&sweep(false), Format::Text));
}

#[test]
fn a_sweep_in_markdown() {
    insta::assert_snapshot!(rendered(&sweep(false), Format::Markdown));
}

#[test]
fn a_page_has_the_map_in_colour() {
    let page = rendered(&sweep(false), Format::Html);
    assert!(page.contains("<figure id=\"map-sync-async-0\">"));
    assert!(
        page.contains("background:#1f5fa8"),
        "a strong win of the candidate"
    );
}

#[test]
fn the_law_behind_a_sweep_is_found_again() {
    let mut record = sweep(false);
    for cell in &mut record.cells {
        cell.servers[0].stopped = None;
    }
    let fitted = report::scale::fit(&[("a.json".to_owned(), record)]);
    for name in ["sync", "async"] {
        let fit = fitted
            .fits
            .iter()
            .find(|fit| fit.server == name && fit.wait_ms == 0)
            .unwrap();
        let law_found = fit.law.unwrap_or_else(|| panic!("{fit:?}"));
        let (gamma, alpha, beta) = law(name);
        for (found, wanted) in [
            (law_found.gamma_rps, gamma),
            (law_found.alpha, alpha),
            (law_found.beta, beta),
        ] {
            assert!(
                (found.low..=found.high).contains(&wanted),
                "{name}: {found:?}, not {wanted}"
            );
        }
    }
    let text = report::scale::render(&fitted, Format::Text, &RenderOptions::default()).text;
    assert!(text.contains("shares 2 cores with the servers"), "{text}");
    insta::assert_snapshot!(text);
}

#[test]
fn too_few_passes_have_no_law_and_a_reason() {
    let mut record = sweep(false);
    for cell in &mut record.cells {
        cell.visits.truncate(2);
    }
    let fitted = report::scale::fit(&[("a.json".to_owned(), record)]);
    assert!(
        fitted
            .fits
            .iter()
            .all(|fit| fit.law.is_none() && fit.reason.is_some())
    );
    assert!(
        fitted.fits[0].left_out[0].contains("visited too few times"),
        "{:?}",
        fitted.fits[0]
    );
}
