//! Scripted servers beside their plain twins, in slices, as every comparison is made.

use record::Record;

use super::child::{self, Measuring, Scripted};
use super::finding::Finding;
use super::{Observations, Situation};

/// Two servers that are compared, and what is true of them.
struct Pair {
    name: &'static str,
    /// Flags of the server with the fault, and of its plain twin.
    flags: (&'static str, &'static str),
    /// How it is measured.
    load: &'static str,
    /// Throughput of the one ÷ that of its twin.
    ratio: Option<Ratio>,
    /// Longest answer, in milliseconds.
    longest_ms: Option<f64>,
    /// Whether the server loses answers.
    loses: bool,
}

/// A ratio that is known, and how well it must be met.
struct Ratio {
    /// By the twin's mean latency in milliseconds.
    known: fn(f64) -> f64,
    within: f64,
}

const PLAIN: Pair = Pair {
    name: "",
    flags: ("", ""),
    load: "-c 16 -d 4s --warmup 500ms",
    ratio: None,
    longest_ms: None,
    loses: false,
};

/// A longest answer may take longer by what the way and the scheduler take.
const SLACK_MS: f64 = 10.0;
/// Ratios are true within so much; those of small losses within less, or nothing would be shown.
const WITHIN: f64 = 0.05;
const WITHIN_SMALL: f64 = 0.02;

const PAIRS: &[Pair] = &[
    Pair {
        name: "compared: 1 in 50 takes 400 ms",
        flags: ("--delay 20ms --slow 50:400ms", "--delay 20ms"),
        ratio: Some(Ratio {
            known: |mean_ms| 1.0 / (1.0 + 380.0 / (50.0 * mean_ms)),
            within: WITHIN,
        }),
        longest_ms: Some(400.0),
        ..PLAIN
    },
    Pair {
        name: "compared: frozen 200 ms per s",
        flags: ("--delay 2ms --freeze 200ms/1s", "--delay 2ms"),
        // Blocks that are not in step with the seconds.
        load: "-c 16 -d 6s --warmup 500ms",
        ratio: Some(Ratio {
            known: |_| 0.80,
            within: WITHIN,
        }),
        longest_ms: Some(202.0),
        ..PLAIN
    },
    Pair {
        name: "compared: frozen 30 ms per 600",
        flags: ("--delay 2ms --freeze 30ms/600ms", "--delay 2ms"),
        ratio: Some(Ratio {
            known: |_| 0.95,
            within: WITHIN_SMALL,
        }),
        ..PLAIN
    },
    Pair {
        name: "compared: frozen 30 ms per 300",
        flags: ("--delay 2ms --freeze 30ms/300ms", "--delay 2ms"),
        ratio: Some(Ratio {
            known: |_| 0.90,
            within: WITHIN_SMALL,
        }),
        ..PLAIN
    },
    Pair {
        name: "compared: frozen 30 ms per 150",
        flags: ("--delay 2ms --freeze 30ms/150ms", "--delay 2ms"),
        ratio: Some(Ratio {
            known: |_| 0.80,
            within: WITHIN_SMALL,
        }),
        ..PLAIN
    },
    Pair {
        name: "compared: each 200th is lost",
        flags: ("--delay 5ms --lose 200", "--delay 5ms"),
        // Without load beforehand all that is lost is lost while it is measured.
        load: "-c 8 -d 3s --warmup 0s --timeout 500ms --max-errors 100%",
        loses: true,
        ..PLAIN
    },
];

/// All of them; together about a minute.
pub fn situations() -> impl Iterator<Item = Situation> {
    PAIRS.iter().map(|pair| Situation {
        name: pair.name,
        check: Box::new(|| check(pair)),
    })
}

fn check(pair: &Pair) -> anyhow::Result<Observations> {
    let (server, twin) = (
        Scripted::start(pair.flags.0)?,
        Scripted::start(pair.flags.1)?,
    );
    let arguments = format!(
        "-s plain={} -s scripted={} {} --same-rate off",
        twin.url(),
        server.url(),
        pair.load
    );
    let record = Measuring::start(&arguments)?.record()?;
    let lost = match pair.loses {
        true => Some(server.account("lost")?),
        false => None,
    };
    Ok(Observations {
        findings: findings(pair, &record, lost)?,
        others_percent: child::others_percent(&record),
    })
}

fn findings(pair: &Pair, record: &Record, lost: Option<u64>) -> anyhow::Result<Vec<Finding>> {
    let (plain, scripted) = (
        child::cell(record, "plain")?,
        child::cell(record, "scripted")?,
    );
    let mut findings = Vec::new();
    if let Some(ratio) = &pair.ratio {
        let mean_ms = plain.latency_us.mean.unwrap_or_default() / 1e3;
        let observations = child::throughput(record);
        findings.push(Finding::ratio(
            "÷ twin's throughput",
            (ratio.known)(mean_ms),
            observations,
            ratio.within,
        ));
    }
    if let Some(longest_ms) = pair.longest_ms {
        let seen_ms = scripted.latency_us.max.map(|us| us / 1e3);
        findings.push(Finding::time_ms("max", longest_ms, seen_ms, SLACK_MS));
    }
    if let Some(lost) = lost {
        findings.push(Finding::count(
            "errors: timeout",
            lost,
            scripted.errors.timeout,
        ));
        findings.push(Finding::count("twin's errors", 0, plain.errors.total));
    }
    Ok(findings)
}
