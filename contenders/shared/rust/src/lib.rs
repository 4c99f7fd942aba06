//! What the Rust contenders have in common: the fixed parts of answers, the simulated waits, the CPU
//! kernel, and the parameters with their limits.

#![forbid(unsafe_code)]

mod query;

use std::{hint::black_box, time::Duration};

pub use query::{BLOCK_MS, BYTES, CPU_UNITS, Number, Query, UNITS, WAIT_MS};
use serde::Serialize;

/// The answer to `/`.
pub const HELLO: &str = "Hello World";

/// How long an idle connection is kept.
pub const IDLE_TIMEOUT: Duration = Duration::from_secs(75);

/// How long the database, the interface and the file of `/sync-data` and `/async-data` take.
pub const WAITS: [Duration; 3] = [
    Duration::from_millis(200),
    Duration::from_millis(300),
    Duration::from_millis(100),
];

/// Units between two yields of `/cpu?mode=yield`.
pub const YIELD_EVERY_UNITS: u64 = 100;

/// The answer to `/health`.
#[derive(Serialize)]
pub struct Health {
    status: &'static str,
}

impl Health {
    /// All is well.
    pub const OK: Self = Self { status: "ok" };
}

/// The answer to `/json`.
#[derive(Serialize)]
pub struct Message {
    message: &'static str,
}

impl Message {
    /// The only one there is.
    pub const HELLO: Self = Self {
        message: "Hello, World!",
    };
}

/// The answer to `/sync-data` and `/async-data`.
#[derive(Serialize)]
pub struct Data {
    database_data: &'static str,
    api_data: &'static str,
    file_data: &'static str,
    total_time_ms: u128,
    execution_mode: &'static str,
}

impl Data {
    /// The answer after waits that took `elapsed` together.
    pub fn new(elapsed: Duration, execution_mode: &'static str) -> Self {
        Self {
            database_data: "Database result",
            api_data: "API result",
            file_data: "File content",
            total_time_ms: elapsed.as_millis(),
            execution_mode,
        }
    }

    /// The value of `x-execution-time`.
    pub fn execution_time(&self) -> String {
        format!("{}ms", self.total_time_ms)
    }
}

/// The answer to `/cpu`.
#[derive(Serialize)]
pub struct Cpu {
    /// How much was computed.
    pub units: u64,
    /// What came out.
    pub checksum: u32,
}

/// The answer to `/block`.
#[derive(Serialize)]
pub struct Blocked {
    /// How long the call blocked, in milliseconds.
    pub blocked_ms: u64,
}

/// The answer to a parameter that can't be taken.
#[derive(Serialize)]
pub struct Failure {
    /// What is wrong, and what is allowed.
    pub error: String,
}

/// The CPU kernel, which can be interrupted between units: rounds of Marsaglia's 32-bit xorshift.
pub struct Kernel(u32);

impl Default for Kernel {
    fn default() -> Self {
        // Opaque, so that no compiler computes the result beforehand.
        Self(black_box(2_463_534_242))
    }
}

impl Kernel {
    const ROUNDS_PER_UNIT: u32 = 500;

    /// Computes `units` more.
    pub fn run(&mut self, units: u64) {
        let mut x = self.0;
        for _ in 0..units {
            for _ in 0..Self::ROUNDS_PER_UNIT {
                x ^= x << 13;
                x ^= x >> 17;
                x ^= x << 5;
            }
        }
        self.0 = black_box(x);
    }

    /// The result so far.
    pub fn checksum(&self) -> u32 {
        self.0
    }
}

/// Computes `units` and returns the checksum.
pub fn compute(units: u64) -> u32 {
    let mut kernel = Kernel::default();
    kernel.run(units);
    kernel.checksum()
}

/// The steps of a computation that yields: so many units each, `units` together.
pub fn steps(units: u64) -> impl Iterator<Item = u64> {
    (0..units)
        .step_by(YIELD_EVERY_UNITS as usize)
        .map(move |done| YIELD_EVERY_UNITS.min(units - done))
}
