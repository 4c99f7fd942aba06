//! Requests over and over: hello, json, work, batch, file. Nothing beyond the common run.

use super::Shape;

/// The common run, and the workload's other modes for comparison.
pub struct Plain;

impl Shape for Plain {}
