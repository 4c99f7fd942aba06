//! What is shown of a record: one file for each kind of table, all of them data until a renderer spells them.

pub(crate) mod article;
pub(crate) mod charts;
mod fairness;
pub(crate) mod method;
pub(crate) mod ratios;
pub(crate) mod results;
pub(crate) mod trend;
