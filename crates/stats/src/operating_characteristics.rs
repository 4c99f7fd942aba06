//! The gate on simulated noise: does it decide as often, and as early, as is claimed for it?

use crate::gate::{ALL_LOOKS, Better, CLEAR_LOOK, LOOKS, Metric, Verdict, judge};
use crate::simulate::Noise;
use crate::summary::{mean, stdev};

const GATES: usize = 1_500;
const TOLERATED: f64 = 0.05;

/// Shares of verdicts (0..=1) and mean blocks until the verdict.
struct Published {
    sigma: f64,
    slowdown: f64,
    regressed: f64,
    passed: f64,
    mean_blocks: f64,
}

const fn published(
    sigma: f64,
    slowdown: f64,
    regressed: f64,
    passed: f64,
    mean_blocks: f64,
) -> Published {
    Published {
        sigma,
        slowdown,
        regressed,
        passed,
        mean_blocks,
    }
}

const TABLE: [Published; 7] = [
    published(0.02, 0.00, 0.000, 1.000, 8.0),
    published(0.02, 0.08, 0.998, 0.000, 12.0),
    published(0.04, 0.00, 0.000, 0.999, 10.1),
    published(0.04, 0.05, 0.011, 0.035, 23.6),
    published(0.04, 0.10, 0.993, 0.000, 14.3),
    published(0.08, 0.00, 0.000, 0.750, 17.6),
    published(0.08, 0.15, 0.981, 0.000, 14.4),
];

/// Runs one gate of `metrics` alike until it is decided or the looks are used up.
fn run_gate(noise: &mut Noise, sigma: f64, slowdown: f64, metrics: usize) -> (Verdict, usize) {
    let mut blocks = vec![Vec::new(); metrics];
    let mut verdict = Verdict::Inconclusive;
    for look in ALL_LOOKS {
        for metric in &mut blocks {
            metric.resize_with(look, || f64::ln_1p(slowdown) + noise.normal(sigma));
        }
        let metrics: Vec<_> = blocks
            .iter()
            .map(|log_ratios| Metric {
                log_ratios,
                better: Better::Lower,
                tolerated_slowdown: TOLERATED,
            })
            .collect();
        verdict = judge(&metrics).unwrap().verdict;
        if verdict != Verdict::Inconclusive {
            return (verdict, look);
        }
    }
    (verdict, LOOKS[LOOKS.len() - 1])
}

fn share(gates: &[(Verdict, usize)], verdict: Verdict) -> f64 {
    let count = gates.iter().filter(|gate| gate.0 == verdict).count();
    count as f64 / gates.len() as f64
}

/// Both shares come from simulations of 1500 gates: four standard errors of their difference, and
/// the rounding of the published one.
fn assert_same_share(seen: f64, published: f64, what: &str) {
    let pooled = f64::midpoint(seen, published);
    let error = (2.0 * pooled * (1.0 - pooled) / GATES as f64).sqrt();
    assert!(
        (seen - published).abs() <= 4.0 * error + 0.0005,
        "{what}: {seen} where {published} is published"
    );
}

#[test]
fn the_gate_decides_as_published() {
    for (row, expected) in TABLE.iter().enumerate() {
        let mut noise = Noise::seeded(row as u64);
        let gates: Vec<_> = (0..GATES)
            .map(|_| run_gate(&mut noise, expected.sigma, expected.slowdown, 1))
            .collect();
        let what = format!("σ {}, slowdown {}", expected.sigma, expected.slowdown);
        let regressed = share(&gates, Verdict::Regressed);
        let passed = share(&gates, Verdict::Passed);
        assert_same_share(regressed, expected.regressed, &format!("{what}: regressed"));
        assert_same_share(passed, expected.passed, &format!("{what}: passed"));

        let blocks: Vec<_> = gates.iter().map(|gate| gate.1 as f64).collect();
        let seen = mean(&blocks).unwrap();
        let error = stdev(&blocks).unwrap() * (2.0 / GATES as f64).sqrt();
        assert!(
            (seen - expected.mean_blocks).abs() <= 4.0 * error + 0.05,
            "{what}: {seen} blocks where {} are published",
            expected.mean_blocks
        );
    }
}

#[test]
fn several_metrics_raise_no_more_false_alarms_than_one() {
    let mut noise = Noise::seeded(3);
    let gates: Vec<_> = (0..GATES)
        .map(|_| run_gate(&mut noise, 0.04, TOLERATED, 3))
        .collect();
    // At most 1 % for all three together, plus four standard errors of 1500 gates.
    let regressed = share(&gates, Verdict::Regressed);
    assert!(regressed <= 0.01 + 4.0 * 0.0026, "{regressed}");
    // All three must pass, each of which errs at most once in 20.
    assert!(share(&gates, Verdict::Passed) <= 0.05 * 0.05);
}

#[test]
fn a_slowdown_of_the_detectable_size_is_seen_four_times_in_five() {
    let sigma = 0.04;
    let slowdown = crate::gate::smallest_detectable_slowdown(TOLERATED, sigma);
    let mut noise = Noise::seeded(4);
    let gates: Vec<_> = (0..GATES)
        .map(|_| run_gate(&mut noise, sigma, slowdown, 1))
        .collect();
    let power = share(&gates, Verdict::Regressed);
    assert!((power - 0.8).abs() < 0.05, "{power}");
}

/// Gates that end at the clear look, of so many with several metrics of which none is slower than tolerated.
fn clear_alarms(gates: usize, mut draw: impl FnMut(&mut Noise) -> f64) -> usize {
    const METRICS: usize = 6;
    // The loosest of what is tolerated by default, which leaves the least room up to a factor of two.
    const TOLERATED: f64 = 0.15;
    let mut noise = Noise::seeded(5);
    let mut alarms = 0;
    for _ in 0..gates {
        let blocks: Vec<[f64; CLEAR_LOOK]> = (0..METRICS)
            .map(|_| std::array::from_fn(|_| f64::ln_1p(TOLERATED) + draw(&mut noise)))
            .collect();
        let metrics: Vec<_> = blocks
            .iter()
            .map(|log_ratios| Metric {
                log_ratios,
                better: Better::Lower,
                tolerated_slowdown: TOLERATED,
            })
            .collect();
        alarms += usize::from(judge(&metrics).unwrap().verdict == Verdict::Regressed);
    }
    alarms
}

#[test]
fn the_clear_look_raises_next_to_no_false_alarms_in_much_scatter_with_heavy_tails() {
    const SCATTER: f64 = 0.30;
    const GATES: usize = 20_000;
    let outliers = |noise: &mut Noise| {
        let is_outlier = noise.uniform() < 0.1;
        noise.normal(if is_outlier { 5.0 * SCATTER } else { SCATTER })
    };
    let alarms = [
        ("normal", clear_alarms(GATES, |noise| noise.normal(SCATTER))),
        ("t3", clear_alarms(GATES, |noise| noise.student_3(SCATTER))),
        (
            "one block in ten five times as far",
            clear_alarms(GATES, outliers),
        ),
    ];
    for (scatter, alarms) in alarms {
        // A tenth of the one in a hundred that a gate may err.
        assert!(alarms <= GATES / 1000, "{scatter}: {alarms} of {GATES}");
    }
}

#[test]
fn what_is_four_times_as_slow_is_clear_after_four_blocks() {
    let mut noise = Noise::seeded(6);
    let gates: Vec<_> = (0..GATES)
        .map(|_| run_gate(&mut noise, 0.2, 3.0, 3))
        .collect();
    let clear = gates.iter().filter(|gate| gate.1 == CLEAR_LOOK).count();
    assert!(clear as f64 >= 0.99 * GATES as f64, "{clear} of {GATES}");
    assert!(share(&gates, Verdict::Regressed) > 0.999);
}
