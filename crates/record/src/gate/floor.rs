//! The A/A floor: what a server against itself shows on one machine, so that nobody reads more into a
//! ratio than the machine can show.

use serde::{Deserialize, Serialize};

use crate::metric::Metric;
use crate::run::{COUNTING_RULE, Environment};
use crate::{counting, machine};

/// The version of the format that this program writes.
pub const FLOOR_VERSION: u32 = 1;

/// The floor of one machine, measured by the gate's self-test.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Floor {
    /// Version of this format, [`FLOOR_VERSION`] when written by this program.
    pub floor_version: u32,
    /// When it was measured, RFC 3339 in UTC.
    pub measured_at: String,
    /// The machine and the build.
    pub environment: Environment,
    /// Which slice a request belongs to, as in [`crate::Config::counting_rule`].
    #[serde(default)]
    pub counting_rule: String,
    /// What was loaded, in words.
    pub load: String,
    /// Blocks measured.
    pub blocks: u32,
    /// Blocks in one comparison: the floor is that of so many.
    pub window: u32,
    /// One entry for each metric that was measured.
    pub metrics: Vec<FloorMetric>,
}

/// The floor of one metric.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct FloorMetric {
    /// Metric.
    pub metric: Metric,
    /// Half the width of a typical interval of a server against itself, such as 0.02 for ± 2 %.
    pub floor: f64,
    /// Standard deviation of the blocks' log ratios.
    pub sigma: f64,
}

impl Floor {
    /// Whether it was measured on such a machine, with such a build, and counted as this program counts.
    pub fn fits(&self, environment: &Environment) -> bool {
        self.floor_version == FLOOR_VERSION
            && counting::check_same(&self.counting_rule, COUNTING_RULE).is_ok()
            && machine::is_same(&self.environment, environment)
            && machine::build_differences(&self.environment, environment).is_empty()
    }

    /// It in one sentence.
    pub fn sentence(&self) -> String {
        let each: Vec<String> = self
            .metrics
            .iter()
            .map(|it| {
                let floor = format::plus_minus_percent(it.floor * 100.0);
                format!("{floor} of {}", it.metric.label())
            })
            .collect();
        format!(
            "This machine's floor: a server against itself ({}, {} on {}) shows that {} of the length used there cannot tell apart less than {}.",
            self.load,
            format::counted(u64::from(self.blocks), "block"),
            self.measured_at.split('T').next().unwrap_or_default(),
            format::counted(u64::from(self.window), "block"),
            format::list(&each),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn floor() -> Floor {
        let environment = Environment {
            cpu: Some("A".to_owned()),
            cores: 2,
            kernel: Some("6.1.0-18-amd64".to_owned()),
            ..Environment::default()
        };
        Floor {
            floor_version: FLOOR_VERSION,
            measured_at: "2026-11-22T10:00:00Z".to_owned(),
            environment,
            counting_rule: COUNTING_RULE.to_owned(),
            load: "async, GET /, 50 connections".to_owned(),
            blocks: 480,
            window: 8,
            metrics: vec![FloorMetric {
                metric: Metric::Throughput,
                floor: 0.0123,
                sigma: 0.014,
            }],
        }
    }

    #[test]
    fn it_is_of_one_machine_and_kernel_series() {
        let floor = floor();
        let mut here = floor.environment.clone();
        here.kernel = Some("6.1.99".to_owned());
        assert!(floor.fits(&here));
        here.kernel = Some("6.12.0".to_owned());
        assert!(!floor.fits(&here));
        here = Environment {
            cores: 4,
            ..floor.environment.clone()
        };
        assert!(!floor.fits(&here));
    }

    #[test]
    fn one_that_was_counted_by_another_rule_does_not_fit() {
        let mut floor = floor();
        floor.counting_rule = String::new();
        assert!(!floor.fits(&floor.environment));
    }

    #[test]
    fn it_says_what_cannot_be_seen() {
        let sentence = floor().sentence();
        assert!(
            sentence.contains("± 1.2 % of closed-loop throughput"),
            "{sentence}"
        );
        assert!(sentence.contains("480 blocks on 2026-11-22"), "{sentence}");
    }
}
