//! The CPU kernel: the same work on every server, machine and language.

use std::hint::black_box;

/// Rounds of xorshift per unit: about 1 µs on a core of 3 GHz, chosen once and constant for ever.
pub const ROUNDS_PER_UNIT: u32 = 500;

/// Where every kernel starts (Marsaglia's seed).
const SEED: u32 = 2_463_534_242;

/// A computation that can be interrupted between units.
///
/// One unit is [`ROUNDS_PER_UNIT`] rounds of Marsaglia's 32-bit xorshift (13, 17, 5): 32 bits, so
/// that languages without 64-bit integers do the same work.
#[derive(Debug, Clone)]
pub struct Kernel {
    state: u32,
}

impl Default for Kernel {
    fn default() -> Self {
        // Opaque, so that no compiler computes the result beforehand.
        Self {
            state: black_box(SEED),
        }
    }
}

impl Kernel {
    /// Computes `units` more.
    pub fn run(&mut self, units: u64) {
        let mut x = self.state;
        for _ in 0..units {
            for _ in 0..ROUNDS_PER_UNIT {
                x ^= x << 13;
                x ^= x >> 17;
                x ^= x << 5;
            }
        }
        self.state = black_box(x);
    }

    /// The result so far.
    pub fn checksum(&self) -> u32 {
        self.state
    }
}

/// Computes `units` and returns the checksum.
pub fn compute(units: u64) -> u32 {
    let mut kernel = Kernel::default();
    kernel.run(units);
    kernel.checksum()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_checksums_never_change() {
        // Computed independently, by a few lines of Python.
        assert_eq!(compute(0), 2_463_534_242);
        assert_eq!(compute(1), 3_762_517_899);
        assert_eq!(compute(1000), 3_743_007_946);
    }

    #[test]
    fn an_interrupted_computation_is_the_same() {
        let mut kernel = Kernel::default();
        for units in [3, 0, 4] {
            kernel.run(units);
        }
        assert_eq!(kernel.checksum(), compute(7));
    }
}
