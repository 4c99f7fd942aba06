//! Requests over and over: hello, health, json, work. Nothing beyond the common run.

use super::Scenario;

/// The common run, and the workload's other modes for comparison.
pub(super) struct Plain;

impl Scenario for Plain {}
