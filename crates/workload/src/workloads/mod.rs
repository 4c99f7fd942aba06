//! One file per workload: its parameters, its answer, its expectation.

pub mod health;
pub mod hello;
pub mod json;
pub mod waits;
pub mod work;

use crate::Definition;

/// All workloads, in the order in which they are listed.
pub(crate) const ALL: &[&Definition] = &[
    &hello::DEFINITION,
    &health::DEFINITION,
    &json::DEFINITION,
    &work::DEFINITION,
    &waits::DEFINITION,
];
