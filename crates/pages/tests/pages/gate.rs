//! The gate's verdicts, its page and its file.

use std::path::Path;

use crate::support::{CellSpec, record};
use analysis::gate::{self, point};
use pages::gate::document;
use record::gate::{BASELINE, CANDIDATE, Gate, GateRecord, GateSettings, Judgement, Verdict};
use record::metric::Metric;
use record::*;
use render::{RenderOptions, text};

const RATE: f64 = 20_000.0;

/// A gate's run; each figure of the candidate is its factor times the baseline's, ± 1 % from block to block.
fn run(blocks: u32, cpu: f64, throughput: f64, p50: f64) -> Record {
    let arm = |server, cpu: f64, throughput: f64, p50: f64| {
        let open = CellSpec {
            server,
            load: LoadKind::Open,
            rate: Some(RATE),
            throughput_rps: RATE,
            blocks,
            ..CellSpec::default()
        };
        let closed = CellSpec {
            server,
            blocks,
            ..CellSpec::default()
        };
        [open, closed].map(|spec| {
            let mut cell = spec.build();
            for block in &mut cell.blocks {
                let noise = 1.0 + 0.01 * (f64::from(block.index * 7 % 5) - 2.0) / 2.0;
                let noise = if server == CANDIDATE { noise } else { 1.0 };
                block.server_cpu_us_per_request = Some(15.0 * cpu * noise);
                block.throughput_rps = if cell.rate.is_some() {
                    RATE
                } else {
                    40_000.0 * throughput * noise
                };
                block.requests = (block.throughput_rps * block.duration_s).ceil() as u64;
                block.p50_us = Some(300.0 * p50 * noise);
                block.p99_us = None;
                block.last_third_over_first = Some(1.0);
            }
            cell
        })
    };
    let cells = [
        arm(BASELINE, 1.0, 1.0, 1.0),
        arm(CANDIDATE, cpu, throughput, p50),
    ];
    Record {
        results: cells.into_iter().flatten().collect(),
        ..record(&[])
    }
}

fn judge(run: &Record, settings: &GateSettings) -> Judgement {
    gate::judge(&point::points(run), run.interrupted, settings)
}

fn judged(run: &Record) -> Judgement {
    judge(run, &GateSettings::default())
}

/// Every block of one arm at one load, changed.
fn change(run: &mut Record, server: &str, load: LoadKind, change: impl Fn(&mut Block)) {
    let cell = run
        .results
        .iter_mut()
        .find(|cell| cell.server == server && cell.load == load);
    cell.expect("it was built")
        .blocks
        .iter_mut()
        .for_each(change);
}

#[test]
fn equal_arms_pass_at_the_first_look() {
    let run = run(8, 1.0, 1.0, 1.0);
    let judgement = judged(&run);
    assert_eq!((judgement.verdict, judgement.blocks), (Verdict::Passed, 8));
    assert!(judgement.decided);
    let metrics: Vec<_> = judgement
        .metrics
        .iter()
        .map(|it| (it.metric, it.verdict))
        .collect();
    assert_eq!(
        metrics,
        [
            (Metric::ServerCpuPerRequest, Some(Verdict::Passed)),
            (Metric::Throughput, Some(Verdict::Passed)),
            (Metric::P50, Some(Verdict::Passed)),
            (Metric::P99, None),
        ]
    );
}

#[test]
fn every_gated_metric_can_regress_the_gate() {
    for slow in [
        run(16, 1.2, 1.0, 1.0),
        run(16, 1.0, 0.8, 1.0),
        run(16, 1.0, 1.0, 1.4),
    ] {
        assert_eq!(judged(&slow).verdict, Verdict::Regressed);
    }
    for fast in [
        run(16, 0.8, 1.0, 1.0),
        run(16, 1.0, 1.2, 1.0),
        run(16, 1.0, 1.0, 0.6),
    ] {
        assert_eq!(judged(&fast).verdict, Verdict::Passed);
    }
}

#[test]
fn a_metric_that_is_switched_off_decides_nothing() {
    let mut settings = GateSettings::default();
    settings.tolerated.throughput = None;
    let judgement = judge(&run(16, 1.0, 0.5, 1.0), &settings);
    assert_eq!(judgement.verdict, Verdict::Passed);
    let throughput = &judgement.metrics[1];
    assert_eq!((throughput.verdict, throughput.blocks), (None, 16));
    assert!(throughput.ratio.is_some_and(|ratio| ratio < 0.6));
}

#[test]
fn blocks_are_asked_for_until_a_look_decides() {
    let settings = GateSettings::default();
    let before_the_look = judged(&run(7, 1.0, 1.0, 1.0));
    assert_eq!(before_the_look.verdict, Verdict::Inconclusive);
    assert!(!before_the_look.decided);
    // With several metrics the first look may not say "regressed".
    assert!(!judged(&run(8, 1.2, 1.0, 1.0)).decided);
    let border = judged(&run(24, 1.05, 1.0, 1.0));
    assert_eq!(border.verdict, Verdict::Inconclusive);
    assert!(border.decided);
    let short = GateSettings {
        max_blocks: 8,
        ..settings
    };
    assert!(judge(&run(8, 1.05, 1.0, 1.0), &short).decided);
}

#[test]
fn errors_of_one_arm_alone_override_the_figures() {
    let errors = |block: &mut Block| block.errors = 3;
    let mut wrong = run(2, 1.0, 1.0, 1.0);
    change(&mut wrong, CANDIDATE, LoadKind::Closed, errors);
    let judgement = judged(&wrong);
    assert_eq!(judgement.verdict, Verdict::Regressed);
    assert!(
        judgement
            .reason
            .unwrap()
            .contains("candidate alone had 6 errors")
    );

    let mut failed = run(2, 1.0, 1.0, 1.0);
    change(&mut failed, BASELINE, LoadKind::Closed, errors);
    assert_eq!(judged(&failed).verdict, Verdict::Failed);

    change(&mut failed, CANDIDATE, LoadKind::Open, errors);
    assert_eq!(judged(&failed).verdict, Verdict::Inconclusive);

    let tolerant = GateSettings {
        max_errors: 0.01,
        ..GateSettings::default()
    };
    assert_eq!(
        judge(&run(8, 1.0, 1.0, 1.0), &tolerant).verdict,
        Verdict::Passed
    );
}

#[test]
fn a_rate_that_one_arm_alone_does_not_keep_is_a_regression() {
    let slow = |block: &mut Block| {
        (block.slices, block.mean_us) = (Some(1), Some(100.0));
        block.answered_in_window = Some(block.requests * 97 / 100);
    };
    let mut run = run(8, 1.0, 1.0, 1.0);
    change(&mut run, CANDIDATE, LoadKind::Open, slow);
    let judgement = judged(&run);
    assert_eq!(judgement.verdict, Verdict::Regressed);
    assert!(
        judgement
            .reason
            .unwrap()
            .contains("did not answer 99 % of the requests in time at 20,000/s in 8 of 8 blocks")
    );
    change(&mut run, BASELINE, LoadKind::Open, slow);
    assert_eq!(judged(&run).verdict, Verdict::Inconclusive);
}

#[test]
fn a_low_rate_is_kept_however_few_requests_fall_into_the_windows() {
    let at_low_rate = |planned: u64, in_time: u64| {
        let mut run = run(8, 1.0, 1.0, 1.0);
        for cell in run.results.iter_mut().filter(|cell| cell.rate.is_some()) {
            cell.rate = Some(50.0);
            for block in &mut cell.blocks {
                block.duration_s = 0.2;
                (block.requests, block.answered_in_window) = (10, Some(10));
                if cell.server == CANDIDATE {
                    (block.requests, block.answered_in_window) = (planned, Some(in_time));
                }
            }
        }
        judged(&run).verdict
    };
    for planned in [10, 9, 7] {
        assert_eq!(at_low_rate(planned, planned), Verdict::Passed);
    }
    assert_eq!(at_low_rate(10, 7), Verdict::Regressed);
}

#[test]
fn throttling_counts_when_it_is_no_single_hiccup() {
    let in_blocks = |blocks: u32| {
        move |block: &mut Block| {
            block.throttled_periods = Some(u64::from(block.index < blocks));
        }
    };
    let mut run = run(12, 1.0, 1.0, 1.0);
    for (blocks, verdict) in [
        (3, Verdict::Passed),
        (7, Verdict::Inconclusive),
        (8, Verdict::Regressed),
    ] {
        change(&mut run, CANDIDATE, LoadKind::Open, in_blocks(blocks));
        let judgement = judged(&run);
        assert_eq!(
            (judgement.verdict, judgement.decided),
            (verdict, verdict != Verdict::Inconclusive)
        );
    }
    change(&mut run, BASELINE, LoadKind::Open, in_blocks(1));
    assert_eq!(judged(&run).verdict, Verdict::Inconclusive);
    change(&mut run, CANDIDATE, LoadKind::Open, in_blocks(0));
    change(&mut run, BASELINE, LoadKind::Open, in_blocks(12));
    assert_eq!(judged(&run).verdict, Verdict::Failed);
}

/// Others took so many percent of the machine in every block of an arm, at the cost of the idle time and then of both
/// sides alike.
fn others_take(run: &mut Record, percent: f64) {
    for server in [BASELINE, CANDIDATE] {
        for load in [LoadKind::Closed, LoadKind::Open] {
            change(run, server, load, |block| {
                let cpu = block.cpu.as_mut().expect("it was built with one");
                cpu.others_s = Some(cpu.machine_s * percent / 100.0);
                let rest = (cpu.machine_s - cpu.others_s.unwrap_or(0.0)) / 2.0;
                (cpu.server_s, cpu.client_s, cpu.idle_s) = (Some(rest), rest, 0.0);
            });
        }
    }
}

#[test]
fn beside_other_programs_nothing_is_decided_that_they_could_have_made() {
    // Nothing passes, whatever the figures say.
    let mut equal = run(24, 1.0, 1.0, 1.0);
    others_take(&mut equal, 40.0);
    assert_eq!(judged(&equal).verdict, Verdict::Inconclusive);
    let said = judged(&equal).reason.expect("it is said why");
    assert!(
        said.starts_with("other programs used 40 % of this machine"),
        "{said}"
    );
    // Two fifths of the machine may have been the candidate's: it could have done 1.67 times as much.
    for (cpu, throughput, p50) in [(1.0, 0.7, 1.0), (1.0, 1.0, 1.5), (1.5, 1.0, 1.0)] {
        let mut slower = run(24, cpu, throughput, p50);
        assert_eq!(judged(&slower).verdict, Verdict::Regressed);
        others_take(&mut slower, 40.0);
        let judgement = judged(&slower);
        assert_eq!(judgement.verdict, Verdict::Inconclusive, "{judgement:?}");
    }
    // What credit does not explain is a regression, but CPU time per request is none beside others.
    for (cpu, throughput, p50) in [(1.0, 0.5, 1.0), (1.0, 1.0, 2.5)] {
        let mut slower = run(24, cpu, throughput, p50);
        others_take(&mut slower, 40.0);
        assert_eq!(judged(&slower).verdict, Verdict::Regressed);
    }
    let mut dearer = run(24, 3.0, 1.0, 1.0);
    others_take(&mut dearer, 40.0);
    assert_eq!(judged(&dearer).verdict, Verdict::Inconclusive);
}

#[test]
fn a_rate_lost_beside_other_programs_is_no_regression() {
    let mut run = run(24, 1.0, 1.0, 1.0);
    change(&mut run, CANDIDATE, LoadKind::Open, |block| {
        block.answered_in_window = Some(block.requests / 2);
    });
    assert_eq!(judged(&run).verdict, Verdict::Regressed);
    others_take(&mut run, 40.0);
    assert_eq!(judged(&run).verdict, Verdict::Inconclusive);
}

#[test]
fn a_little_of_others_is_credited_too() {
    let verdict = |throughput: f64, others: f64| {
        let mut run = run(24, 1.0, throughput, 1.0);
        others_take(&mut run, others);
        judged(&run).verdict
    };
    assert_eq!(verdict(1.0, 2.0), Verdict::Passed);
    assert_eq!(verdict(0.93, 0.0), Verdict::Regressed);
    assert_eq!(verdict(0.93, 4.0), Verdict::Inconclusive);
    assert_eq!(verdict(0.88, 4.0), Verdict::Regressed);
}

#[test]
fn blocks_dropped_for_the_machine_leave_all_metrics_alike() {
    let drop_first = |blocks: u32| {
        move |block: &mut Block| {
            block.dropped = (block.index < blocks).then(|| "stolen".to_owned());
        }
    };
    let mut few = run(10, 1.0, 1.0, 1.0);
    change(&mut few, BASELINE, LoadKind::Open, drop_first(2));
    let judgement = judged(&few);
    assert_eq!((judgement.verdict, judgement.dropped), (Verdict::Passed, 2));
    assert!(
        judgement
            .metrics
            .iter()
            .all(|it| it.metric == Metric::P99 || it.blocks == 8)
    );

    let mut many = run(10, 1.2, 1.0, 1.0);
    change(&mut many, BASELINE, LoadKind::Open, drop_first(3));
    let judgement = judged(&many);
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    assert!(
        judgement
            .reason
            .as_ref()
            .unwrap()
            .contains("3 of 10 blocks")
    );
    // Those to come may be usable.
    assert!(!judgement.decided);
}

#[test]
fn what_is_clear_in_every_block_is_not_hidden_by_those_left_out() {
    let left_out = |block: &mut Block| {
        block.dropped = (block.index < 3).then(|| "stolen".to_owned());
    };
    let mut clear = run(7, 1.0, 0.3, 1.0);
    change(&mut clear, BASELINE, LoadKind::Open, left_out);
    let judgement = judged(&clear);
    assert_eq!(
        (judgement.verdict, judgement.dropped),
        (Verdict::Regressed, 3)
    );
    assert!(judgement.decided);

    // One of those left out does not say so.
    change(&mut clear, CANDIDATE, LoadKind::Closed, |block| {
        if block.index == 0 {
            block.throughput_rps = 40_000.0;
        }
    });
    assert_eq!(judged(&clear).verdict, Verdict::Inconclusive);
}

#[test]
fn late_sends_spoil_latency_and_nothing_else() {
    let mut late = run(8, 1.0, 1.0, 1.0);
    change(&mut late, CANDIDATE, LoadKind::Open, |block| {
        block.send_lag_p99_us = Some(1_500.0)
    });
    let judgement = judged(&late);
    assert_eq!(judgement.verdict, Verdict::Passed, "a few late requests");
    change(&mut late, CANDIDATE, LoadKind::Open, |block| {
        block.send_lag_p90_us = Some(1_000.0)
    });
    let judgement = judged(&late);
    assert_eq!(judgement.verdict, Verdict::Inconclusive);
    assert!(
        judgement.metrics[2]
            .reason
            .as_ref()
            .unwrap()
            .contains("sent late or stood still in 8 of 8")
    );
    assert_eq!(judgement.metrics[0].verdict, Some(Verdict::Passed));
    // Those to come may be on time; what cannot be measured is not waited for.
    assert!(!judgement.decided);
    change(&mut late, CANDIDATE, LoadKind::Open, |block| {
        block.p50_us = None;
        block.send_lag_p90_us = None;
        block.send_lag_p99_us = None;
    });
    let judgement = judged(&late);
    assert!(judgement.decided);
    assert!(
        judgement.metrics[2]
            .reason
            .as_ref()
            .unwrap()
            .contains("too few requests")
    );
}

fn gate_record(run: Record) -> GateRecord {
    let settings = GateSettings::default();
    let judgement = judge(&run, &settings);
    GateRecord {
        run,
        gate: Gate {
            settings,
            judgement,
            floor: None,
        },
    }
}

#[test]
fn the_page_of_a_regression() {
    let record = gate_record(run(16, 1.12, 1.0, 1.0));
    let document = document(&record);
    insta::assert_snapshot!(
        "gate_text",
        text::render(&document, &RenderOptions::default())
    );
}

#[test]
fn an_inconclusive_gate_names_what_it_could_not_tell() {
    let record = gate_record(run(24, 1.05, 1.0, 1.0));
    let verdict = &document(&record).verdict[0];
    assert!(
        verdict.contains("do not tell about server CPU per request (24 blocks)"),
        "{verdict}"
    );
}

#[test]
fn a_gate_s_file_reads_back_and_is_a_run_s_record_too() {
    let record = gate_record(run(8, 1.0, 1.0, 1.0));
    let path = Path::new("gate.json");
    let json = render::json::render(&record);
    let back = record::gate::read(json.as_bytes(), path).unwrap();
    assert_eq!(back, Some(record.clone()));
    assert_eq!(
        record::file::parse::<record::Record>(json.as_bytes(), path).unwrap(),
        record.run
    );
    let kept = record::any::parse(json.as_bytes(), path).unwrap();
    let shown = pages::any::render(
        &kept,
        render::Format::Text,
        &render::RenderOptions::default(),
    );
    assert!(
        shown.text.starts_with("REGRESSED") || shown.text.starts_with("PASSED"),
        "{}",
        shown.text
    );
    let plain = render::json::render(&record.run);
    assert_eq!(record::gate::read(plain.as_bytes(), path).unwrap(), None);
    let torn = record::gate::read(&json.as_bytes()[..json.len() / 2], path).unwrap_err();
    assert!(torn.to_string().contains("gate.json:"), "{torn}");
}
