//! The self-test's page: what a bank says about the gate and about the machine.

use std::path::Path;

use analysis::gate::self_test::{floor, gates_so_far, judge_bank, judge_scenario};
use record::gate::bank::*;
use record::gate::self_test::AA;
use record::metric::Metric;
use record::{Block, COUNTING_RULE, Environment, any};
use render::{Format, RenderOptions};

fn header() -> BankHeader {
    BankHeader {
        bank_version: BANK_VERSION,
        started_at: "2026-11-22T10:00:00Z".to_owned(),
        environment: Environment::default(),
        counting_rule: COUNTING_RULE.to_owned(),
        load: BankLoad {
            server: "async".to_owned(),
            path: "/work?cpu_units=50".to_owned(),
            concurrency: 50,
            threads: 2,
            block_s: 4.0,
            warmup_s: 0.5,
        },
        pilot: Pilot {
            rate_rps: 10_000.0,
            cpu_us_per_request: 60.0,
            throughput_rps: 20_000.0,
            unit_us: 0.9,
        },
    }
}

/// Blocks whose candidate costs `slowdown` times as much, with a scatter of about 2 %.
fn blocks(scenario: &str, count: u32, slowdown: f64) -> Vec<BankedBlock> {
    // A Weyl sequence: evenly spread, never in step with the windows.
    let noise =
        |index: u32, salt: f64| 1.0 + 0.07 * ((f64::from(index) * 0.618_034 + salt).fract() - 0.5);
    let block = |index: u32, cpu: f64, rps: f64| Block {
        index,
        requests: (rps * 2.0) as u64,
        duration_s: 2.0,
        throughput_rps: rps,
        p50_us: Some(300.0 * cpu / 60.0),
        server_cpu_us_per_request: Some(cpu),
        ..Block::default()
    };
    (0..count)
        .map(|index| BankedBlock {
            scenario: scenario.to_owned(),
            closed: ArmPair {
                baseline: block(index, 60.0, 20_000.0),
                candidate: block(index, 60.0, 20_000.0 / slowdown * noise(index, 0.2)),
            },
            open: ArmPair {
                baseline: block(index, 60.0, 10_000.0),
                candidate: block(index, 60.0 * slowdown * noise(index, 0.7), 10_000.0),
            },
        })
        .collect()
}

#[test]
fn a_server_against_itself_raises_no_alarm_and_shows_the_floor() {
    let mut bank = blocks(AA, 64, 1.0);
    let aa = judge_scenario(&header(), &bank, AA);
    assert_eq!(
        (aa.blocks, aa.together.gates, aa.together.regressed),
        (64, 8, 0)
    );
    assert!(aa.metrics.iter().all(|it| it.misses.unwrap().are_few()));
    let floor = floor(&header(), &aa, "2026-11-23T00:00:00Z".to_owned()).unwrap();
    assert_eq!((floor.blocks, floor.metrics.len()), (64, 3));
    assert!((0.005..0.05).contains(&floor.metrics[0].floor), "{floor:?}");
    bank.truncate(40);
    let few = judge_scenario(&header(), &bank, AA);
    assert!(analysis::gate::self_test::floor(&header(), &few, String::new()).is_none());
}

#[test]
fn slowdowns_are_seen_by_gates_over_blocks_of_their_own() {
    let bank = blocks("cpu:10", 50, 1.10);
    let result = judge_scenario(&header(), &bank, "cpu:10");
    let cpu = &result.metrics[0];
    assert_eq!(cpu.gates.regressed, cpu.gates.gates);
    assert!(cpu.gates.blocks <= 50 && cpu.gates.gates >= 3, "{cpu:?}");
    assert!((cpu.ratio.unwrap() - 1.10).abs() < 0.01);
    assert_eq!(
        gates_so_far(&header(), &bank, "cpu:10", Metric::ServerCpuPerRequest),
        cpu.gates.gates
    );
    assert_eq!(gates_so_far(&header(), &bank, AA, Metric::Throughput), 0);
}

#[test]
fn dropped_blocks_are_counted_and_left_out() {
    let mut bank = blocks(AA, 9, 1.0);
    bank[3].open.candidate.dropped = Some("stolen".to_owned());
    let aa = judge_scenario(&header(), &bank, AA);
    assert_eq!((aa.blocks, aa.dropped, aa.together.gates), (8, 1, 1));
}

#[test]
fn the_page_of_a_bank() {
    let bank = [blocks(AA, 64, 1.0), blocks("cpu:10", 50, 1.10)].concat();
    let scenarios = [AA, "cpu:10", "lock:5"].map(str::to_owned);
    let record = judge_bank(&header(), &bank, &scenarios);
    let options = RenderOptions::default();
    let shown = pages::self_test::render(&record, Format::Text, &options).text;
    insta::assert_snapshot!("self_test_text", shown);
    let json = pages::self_test::render(&record, Format::Json, &options).text;
    let kept = any::parse(json.as_bytes(), Path::new("self-test.json")).unwrap();
    assert_eq!(
        pages::any::render(&kept, Format::Text, &options).text,
        shown
    );
    let empty = pages::self_test::document(&judge_bank(&header(), &[], &scenarios));
    assert!(empty.verdict[0].contains("0 usable blocks"));
}
