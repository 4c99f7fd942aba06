//! What follows from the trials of a search for capacity, warnings among it.

use record::Warning;
use record::capacity::{CapacityRecord, ServerCapacity, Trial};
use stats::thresholds::CLIENT_BUSY_PERCENT;

use crate::comparisons::is_contended;

/// Spells the ends in requests per second: the drift of the closed loop is a part of the interval,
/// because it is a part of what the next search will see.
fn work_out(it: &mut ServerCapacity) {
    let closed_loops: Vec<f64> = it
        .trials
        .iter()
        .filter_map(|trial| trial.closed_loop_rps)
        .collect();
    let at = |share| stats::summary::quantile(&closed_loops, share);
    let (Some(slow), Some(median), Some(fast)) = (at(0.1), at(0.5), at(0.9)) else {
        return;
    };
    it.saturated_rps = median;
    it.saturated_spread_rps = Some([slow, fast]);
    it.low_rps = it.low_over_saturated.map(|low| low * slow);
    it.high_rps = it.high_over_saturated.map(|high| high * fast);
}

/// Fills in what follows from the trials, warnings too; doing it twice changes nothing.
pub fn analyse(record: &mut CapacityRecord) {
    const CODES: [&str; 6] = [
        "unoptimised_build",
        "interrupted",
        "not_verified",
        "client_saturated",
        "other_programs",
        "connections_in_turns",
    ];
    record.servers.iter_mut().for_each(work_out);
    record
        .warnings
        .retain(|warning| !CODES.contains(&warning.code.as_str()));
    let mut warn = |code: &str, message: String| {
        record.warnings.push(Warning {
            code: code.to_owned(),
            message,
        });
    };
    if !record.environment.optimised {
        warn(
            "unoptimised_build",
            "built without optimisation: figures say little".to_owned(),
        );
    }
    if record.interrupted {
        warn("interrupted", "the search was ended early".to_owned());
    }
    if record.config.in_turns {
        warn(
            "connections_in_turns",
            "the servers were connected one at a time, because the limit on open files does not allow all at once: each trial begins on fresh connections".to_owned(),
        );
    }
    for it in &record.servers {
        if !it.verified {
            let trials = format::counted(it.trials.len() as u64, "trial");
            warn(
                "not_verified",
                format!("{}: the interval is not verified after {trials}", it.server),
            );
        }
        if let Some(others) = others_percent(it).filter(|&others| is_contended(Some(others))) {
            warn(
                "other_programs",
                format!(
                    "{}: other programs used {} of this machine in its median trial: what ends there may be them, and no server is better than another by such figures",
                    it.server,
                    format::percent(others)
                ),
            );
        }
        if let Some(busy) = busy_at_the_upper_end(it).filter(|busy| *busy > CLIENT_BUSY_PERCENT) {
            warn(
                "client_saturated",
                format!(
                    "{}: at the upper end the load generator was busy for {} of its time: what ends there may be the client",
                    it.server,
                    format::percent(busy)
                ),
            );
        }
    }
}

/// What other programs used in the median trial.
fn others_percent(it: &ServerCapacity) -> Option<f64> {
    let known = it.trials.iter().filter_map(|trial| trial.others_percent);
    stats::summary::median(&known.collect::<Vec<_>>())
}

fn busy_at_the_upper_end(it: &ServerCapacity) -> Option<f64> {
    // The quotient of a product may differ from the factor by its last digit.
    let near = |one: f64, other: f64| (one / other - 1.0).abs() < 1e-9;
    let end = it.high_over_saturated?;
    let at_end = |trial: &&Trial| trial.over_saturated().is_some_and(|load| near(load, end));
    it.trials
        .iter()
        .filter(at_end)
        .filter_map(|trial| trial.client_busy_percent)
        .min_by(f64::total_cmp)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::capacity::{search, trial};

    fn record(low: Option<f64>, high: Option<f64>) -> CapacityRecord {
        let mut record = search(low, high);
        analyse(&mut record);
        record
    }

    #[test]
    fn the_drift_of_the_closed_loop_is_a_part_of_the_interval() {
        let mut record = record(Some(0.9), Some(0.95));
        let server = &mut record.servers[0];
        server.trials = vec![trial(900.0, 2e3, None); 11];
        for (index, trial) in server.trials.iter_mut().enumerate() {
            trial.closed_loop_rps = Some(1_000.0 + 10.0 * index as f64);
        }
        analyse(&mut record);
        let server = &record.servers[0];
        assert_eq!(server.saturated_rps, 1_050.0);
        assert_eq!(server.saturated_spread_rps, Some([1_010.0, 1_090.0]));
        let end = |rps: Option<f64>| rps.map(f64::round);
        assert_eq!(
            (end(server.low_rps), end(server.high_rps)),
            (Some(909.0), Some(1_036.0))
        );
    }

    #[test]
    fn a_busy_client_and_an_unverified_end_are_warned_about() {
        let codes = |mut record: CapacityRecord| {
            analyse(&mut record);
            analyse(&mut record);
            record
                .warnings
                .into_iter()
                .map(|warning| warning.code)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            codes(record(Some(0.9), Some(0.95))),
            ["other_programs", "client_saturated"]
        );
        assert_eq!(
            codes(record(None, None)),
            ["not_verified", "other_programs"]
        );
    }
}
