//! Simulated waits last equally long on threads and on tasks, or a comparison would compare timers.

use super::child::{self, Measuring};
use super::finding::Finding;
use super::{Observations, Situation};

/// How long the servers wait, in milliseconds.
const WAITS_MS: [(&str, f64); 4] = [
    ("waits of 1 ms", 1.0),
    ("waits of 2 ms", 2.0),
    ("waits of 5 ms", 5.0),
    ("waits of 10 ms", 10.0),
];

/// The medians of the servers lie within so much, or within so much of the wait.
const WITHIN_MS: f64 = 0.06;
const WITHIN: f64 = 0.05;

/// One for each wait; together half a minute.
pub fn situations() -> impl Iterator<Item = Situation> {
    WAITS_MS.iter().map(|&(name, wait_ms)| Situation {
        name,
        check: Box::new(move || check(wait_ms)),
    })
}

fn check(wait_ms: f64) -> anyhow::Result<Observations> {
    let servers = servers::DEFAULT
        .map(|server| format!("-s {server}"))
        .join(" ");
    // A median needs 200 requests, which a longer wait makes in a longer time.
    let duration_ms = f64::max(2_000.0, 250.0 * wait_ms);
    let record = Measuring::start(&format!(
        "{servers} -c 1 -d {duration_ms}ms --warmup 200ms -w work?wait_ms={wait_ms} --same-rate off --contrast off"
    ))?
    .record()?;
    let median = |server: &&str| -> anyhow::Result<f64> {
        let cell = child::cell(&record, server)?;
        Ok(cell.latency_us.p50.unwrap_or(f64::NAN) / 1e3)
    };
    let medians_ms = servers::DEFAULT
        .iter()
        .map(median)
        .collect::<Result<Vec<_>, _>>()?;
    Ok(Observations {
        findings: vec![finding(wait_ms, &medians_ms)],
        others_percent: child::others_percent(&record),
    })
}

fn finding(wait_ms: f64, medians_ms: &[f64]) -> Finding {
    let end = |of: fn(f64, f64) -> f64| medians_ms.iter().copied().reduce(of).unwrap_or(f64::NAN);
    let (shortest, longest) = (end(f64::min), end(f64::max));
    let are_known = medians_ms.iter().all(|median| median.is_finite());
    let within_ms = WITHIN_MS.max(WITHIN * wait_ms);
    let text = |ms: f64| format::duration_us(ms * 1e3);
    let reported: Vec<String> = medians_ms.iter().map(|&ms| text(ms)).collect();
    Finding::new(
        &format!("p50 of {}", servers::DEFAULT.join(", ")),
        format!("within {}", text(within_ms)),
        reported.join(", "),
        are_known && shortest >= wait_ms && longest - shortest <= within_ms,
    )
}

#[cfg(test)]
mod tests {
    use super::super::finding::Agreement;
    use super::*;

    #[test]
    fn medians_agree_within_a_share_of_the_wait_and_never_lie_below_it() {
        let agrees = |wait_ms, medians_ms: [f64; 3]| {
            finding(wait_ms, &medians_ms).agreement == Agreement::Agrees
        };
        assert!(agrees(1.0, [1.08, 1.13, 1.1]));
        assert!(!agrees(1.0, [1.08, 2.09, 2.1]));
        assert!(agrees(10.0, [10.1, 10.5, 10.2]));
        assert!(!agrees(10.0, [10.1, 10.7, 10.2]));
        assert!(!agrees(5.0, [4.9, 5.0, 5.0]));
        assert!(!agrees(5.0, [f64::NAN, 5.0, f64::NAN]));
    }
}
