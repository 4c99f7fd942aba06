//! Noise for the tests of the methods that must withstand it.

use rand::rngs::Xoshiro256PlusPlus;
use rand::{RngExt, SeedableRng};

/// Reproducible noise.
pub(crate) struct Noise(Xoshiro256PlusPlus);

impl Noise {
    pub(crate) fn seeded(seed: u64) -> Self {
        Self(Xoshiro256PlusPlus::seed_from_u64(seed))
    }

    /// A draw between 0 (included) and 1.
    pub(crate) fn uniform(&mut self) -> f64 {
        self.0.random()
    }

    /// A draw from the normal distribution around 0 (Box–Muller).
    pub(crate) fn normal(&mut self, sigma: f64) -> f64 {
        let radius = (-2.0 * (1.0 - self.uniform()).ln()).sqrt();
        sigma * radius * (std::f64::consts::TAU * self.uniform()).cos()
    }

    /// A draw from Student's t distribution with three degrees of freedom: heavy tails, with a variance.
    pub(crate) fn student_3(&mut self, scale: f64) -> f64 {
        let squares: f64 = (0..3).map(|_| self.normal(1.0).powi(2)).sum();
        scale * self.normal(1.0) / (squares / 3.0).sqrt()
    }
}
