//! One file per workload: its parameters, its answer, its expectation.

pub mod aggregate;
pub mod batch;
pub mod blocking;
pub mod concurrent_ops;
pub mod cpu;
pub mod errors;
pub mod file;
pub mod health;
pub mod hello;
pub mod idle;
pub mod json;
pub mod limited;
pub mod mixed;
pub mod scenarios;
pub mod stream;
pub mod timeout;
pub mod upload;
pub mod waits;
pub mod websocket;
pub mod work;

use crate::{Definition, params::Choice};

/// All workloads, in the order in which they are listed.
pub(crate) const ALL: &[&Definition] = &[
    &hello::DEFINITION,
    &health::DEFINITION,
    &json::DEFINITION,
    &work::DEFINITION,
    &waits::DEFINITION,
    &aggregate::DEFINITION,
    &concurrent_ops::DEFINITION,
    &stream::DEFINITION,
    &errors::DEFINITION,
    &timeout::DEFINITION,
    &cpu::DEFINITION,
    &mixed::DEFINITION,
    &blocking::DEFINITION,
    &upload::DEFINITION,
    &batch::DEFINITION,
    &limited::DEFINITION,
    &idle::DEFINITION,
    &websocket::DEFINITION,
    &file::DEFINITION,
    &scenarios::DEFINITION,
];

/// How operations are composed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Composition {
    /// One after another.
    Sequential,
    /// All at once.
    Concurrent,
}

impl Choice for Composition {
    const ALL: &'static [(&'static str, Self)] = &[
        ("sequential", Self::Sequential),
        ("concurrent", Self::Concurrent),
    ];
}

impl Composition {
    /// Its name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Sequential => "sequential",
            Self::Concurrent => "concurrent",
        }
    }
}
