//! Made-up figures for tests.

pub(crate) mod capacity;
#[path = "../../../record/src/testing.rs"]
pub(crate) mod cells;
