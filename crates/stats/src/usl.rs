//! The Universal Scalability Law (Gunther): X(N) = γN ÷ (1 + α(N − 1) + βN(N − 1)).
//!
//! N/X = a + b(N − 1) + cN(N − 1) is linear in a = 1/γ, b = α/γ and c = β/γ, none of which can be
//! negative. Throughput scatters by a share of itself, so each point weighs (X/N)².

use thiserror::Error;

use crate::interval::ConfidenceInterval;
use crate::nonnegative::{least_squares, nonnegative_least_squares, squared_misfit};
use crate::student::mean_interval;

/// Fewest different concurrencies in each sweep.
pub const MIN_CONCURRENCIES: usize = 6;
/// Fewest sweeps.
pub const MIN_SWEEPS: usize = 3;

/// One measurement of a sweep.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Point {
    /// Requests kept under way, N.
    pub concurrency: f64,
    /// Requests per second, X.
    pub throughput_rps: f64,
}

/// A fitted parameter.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Parameter {
    /// Estimate from all points of all sweeps.
    pub estimate: f64,
    /// Interval over sweeps; contains the estimate and nothing negative.
    pub interval: ConfidenceInterval,
}

/// The law fitted to a server.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Scalability {
    /// γ: requests per second of a single request at a time.
    pub gamma_rps: Parameter,
    /// α: share of the work that is done one after another (contention).
    pub alpha: Parameter,
    /// β: cost of each pair agreeing with each other (coherency).
    pub beta: Parameter,
    /// Confidence of the intervals, such as 0.95.
    pub confidence: f64,
    /// How far the law is from what was measured: the root mean square of
    /// 1 − measured ÷ predicted. Far above the noise of the sweeps, the law does not describe this server.
    pub misfit: f64,
    /// Largest concurrency measured; the law is not trusted beyond.
    pub max_concurrency: f64,
}

/// Where throughput is highest.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Peak {
    /// At this concurrency, √((1 − α) ÷ β).
    At(f64),
    /// Unknown: the interval of β touches 0, so throughput may not peak at all.
    Unresolved,
    /// Not at any concurrency measured.
    OutsideMeasured,
}

/// Why there is no fit.
#[derive(Debug, Clone, Copy, PartialEq, Error)]
pub enum FitError {
    /// Too few sweeps for an interval.
    #[error("the scalability law needs at least {MIN_SWEEPS} sweeps, but there are {0}")]
    TooFewSweeps(usize),
    /// A sweep with too few different concurrencies.
    #[error(
        "the scalability law needs at least {MIN_CONCURRENCIES} concurrencies in each sweep, \
         but sweep {sweep} has {found}"
    )]
    TooFewConcurrencies {
        /// Number of the sweep, from 1.
        sweep: usize,
        /// Different concurrencies in it.
        found: usize,
    },
    /// A concurrency below 1, or a throughput that is not positive and finite.
    #[error("{rps} requests/s at concurrency {concurrency} cannot be fitted; leave the point out")]
    UnusablePoint {
        /// Concurrency of the point.
        concurrency: f64,
        /// Throughput of the point.
        rps: f64,
    },
    /// The points do not say what one request at a time would do.
    #[error(
        "throughput at concurrency 1 cannot be told from these points; measure at smaller concurrencies"
    )]
    NoBase,
    /// The confidence is not one.
    #[error("a confidence must lie between 0 and 1, but it is {0}")]
    Confidence(f64),
}

impl Scalability {
    /// Requests per second that the law predicts for a concurrency.
    pub fn throughput_rps(&self, concurrency: f64) -> f64 {
        let others = concurrency - 1.0;
        let slowdown =
            1.0 + self.alpha.estimate * others + self.beta.estimate * concurrency * others;
        self.gamma_rps.estimate * concurrency / slowdown
    }

    /// Where throughput is highest, if that is known and was measured.
    pub fn peak(&self) -> Peak {
        if self.beta.interval.low <= 0.0 {
            return Peak::Unresolved;
        }
        let concurrency = ((1.0 - self.alpha.estimate) / self.beta.estimate).sqrt();
        if (1.0..=self.max_concurrency).contains(&concurrency) {
            Peak::At(concurrency)
        } else {
            Peak::OutsideMeasured
        }
    }
}

/// Fits the law to repeated sweeps over the same range of concurrencies.
///
/// The estimates come from all points together, by weighted non-negative least squares. A sweep is
/// the unit of the intervals: its points share what the machine did meanwhile. So each sweep is
/// fitted by itself, free to turn negative, and the interval is Student's over those fits.
pub fn fit(sweeps: &[Vec<Point>], confidence: f64) -> Result<Scalability, FitError> {
    check(sweeps, confidence)?;
    let points: Vec<_> = sweeps.iter().flatten().copied().collect();
    let columns = design(&points);
    let solution = nonnegative_least_squares(&columns).ok_or(FitError::NoBase)?;
    let pooled = parameters(solution)?;
    let each = sweeps
        .iter()
        .map(|sweep| parameters(least_squares(&design(sweep)).ok_or(FitError::NoBase)?))
        .collect::<Result<Vec<_>, _>>()?;

    let parameter = |index: usize| {
        let estimate = pooled[index];
        let fits: Vec<_> = each.iter().map(|fit| fit[index]).collect();
        let interval = mean_interval(&fits, confidence).ok_or(FitError::Confidence(confidence))?;
        Ok(Parameter {
            estimate,
            interval: ConfidenceInterval {
                low: interval.low.max(0.0).min(estimate),
                high: interval.high.max(estimate),
            },
        })
    };
    Ok(Scalability {
        gamma_rps: parameter(0)?,
        alpha: parameter(1)?,
        beta: parameter(2)?,
        confidence,
        misfit: (squared_misfit(&columns, &solution) / points.len() as f64).sqrt(),
        max_concurrency: points.iter().map(|p| p.concurrency).fold(1.0, f64::max),
    })
}

fn check(sweeps: &[Vec<Point>], confidence: f64) -> Result<(), FitError> {
    if !(confidence > 0.0 && confidence < 1.0) {
        return Err(FitError::Confidence(confidence));
    }
    if sweeps.len() < MIN_SWEEPS {
        return Err(FitError::TooFewSweeps(sweeps.len()));
    }
    for (index, sweep) in sweeps.iter().enumerate() {
        for point in sweep {
            let (concurrency, rps) = (point.concurrency, point.throughput_rps);
            if !(concurrency >= 1.0 && concurrency.is_finite() && rps > 0.0 && rps.is_finite()) {
                return Err(FitError::UnusablePoint { concurrency, rps });
            }
        }
        let mut concurrencies: Vec<_> = sweep.iter().map(|point| point.concurrency).collect();
        concurrencies.sort_by(f64::total_cmp);
        concurrencies.dedup();
        if concurrencies.len() < MIN_CONCURRENCIES {
            return Err(FitError::TooFewConcurrencies {
                sweep: index + 1,
                found: concurrencies.len(),
            });
        }
    }
    Ok(())
}

/// The columns of the linear form, weighted so that every point's target is 1.
fn design(points: &[Point]) -> [Vec<f64>; 3] {
    let column = |term: fn(f64) -> f64| {
        points
            .iter()
            .map(|point| term(point.concurrency) * point.throughput_rps / point.concurrency)
            .collect()
    };
    [
        column(|_| 1.0),
        column(|n| n - 1.0),
        column(|n| n * (n - 1.0)),
    ]
}

/// γ, α and β from a, b and c.
fn parameters([a, b, c]: [f64; 3]) -> Result<[f64; 3], FitError> {
    let parameters = [1.0 / a, b / a, c / a];
    if a > 0.0 && parameters.iter().all(|parameter| parameter.is_finite()) {
        Ok(parameters)
    } else {
        Err(FitError::NoBase)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::simulate::Noise;

    const CONCURRENCIES: [f64; 9] = [1.0, 3.0, 10.0, 32.0, 100.0, 316.0, 1e3, 3_162.0, 1e4];

    /// γ, α, β of servers that contend much, little, not at all, or do not peak.
    const SERVERS: [[f64; 3]; 5] = [
        [5_000.0, 0.02, 1e-5],
        [20_000.0, 0.3, 1e-6],
        [100.0, 0.0, 1e-6],
        [50_000.0, 0.05, 0.0],
        [100.0, 0.0, 0.0],
    ];

    fn law([gamma, alpha, beta]: [f64; 3], n: f64) -> f64 {
        gamma * n / (1.0 + alpha * (n - 1.0) + beta * n * (n - 1.0))
    }

    fn sweeps(server: [f64; 3], count: usize, mut noise: impl FnMut() -> f64) -> Vec<Vec<Point>> {
        let mut sweep = || {
            let point = |concurrency| Point {
                concurrency,
                throughput_rps: law(server, concurrency) * (1.0 + noise()),
            };
            CONCURRENCIES.map(point).to_vec()
        };
        (0..count).map(|_| sweep()).collect()
    }

    fn fitted(fit: &Scalability) -> [Parameter; 3] {
        [fit.gamma_rps, fit.alpha, fit.beta]
    }

    #[test]
    fn known_parameters_come_back_without_noise() {
        for server in SERVERS {
            let fit = fit(&sweeps(server, 3, || 0.0), 0.95).unwrap();
            for (parameter, truth) in fitted(&fit).iter().zip(server) {
                let error = (parameter.estimate - truth).abs();
                assert!(error <= 1e-3 * truth + 1e-9, "{parameter:?} is not {truth}");
            }
            for n in [1.0, 50.0, 5_000.0] {
                let predicted = fit.throughput_rps(n) / law(server, n);
                assert!((predicted - 1.0).abs() < 1e-3, "{predicted} at {n}");
            }
        }
    }

    #[test]
    fn intervals_cover_the_truth_under_noise() {
        for (seed, server) in SERVERS.into_iter().enumerate() {
            for count in [3, 5] {
                let mut noise = Noise::seeded(seed as u64);
                let mut covered = [0; 3];
                for _ in 0..500 {
                    let fit = fit(&sweeps(server, count, || noise.normal(0.02)), 0.95).unwrap();
                    for (index, parameter) in fitted(&fit).iter().enumerate() {
                        covered[index] += usize::from(parameter.interval.contains(server[index]));
                        assert!(parameter.interval.contains(parameter.estimate));
                    }
                }
                // 95 % is meant; 92 % is three standard deviations of 500 below.
                assert!(
                    covered.iter().all(|covered| *covered >= 460),
                    "{covered:?} of 500 for {server:?} in {count} sweeps"
                );
            }
        }
    }

    #[test]
    fn intervals_cover_the_truth_when_sweeps_drift() {
        let mut noise = Noise::seeded(9);
        let server = SERVERS[0];
        let covered = (0..500)
            .filter(|_| {
                let mut drifting = sweeps(server, 3, || noise.normal(0.02));
                for sweep in &mut drifting {
                    let drift = 1.0 + noise.normal(0.1);
                    sweep.iter_mut().for_each(|p| p.throughput_rps *= drift);
                }
                let fit = fit(&drifting, 0.95).unwrap();
                fit.gamma_rps.interval.contains(server[0])
            })
            .count();
        assert!(covered >= 460, "{covered} of 500");
    }

    #[test]
    fn the_misfit_is_the_noise_where_the_law_holds() {
        let mut noise = Noise::seeded(11);
        let noisy = sweeps(SERVERS[0], 20, || noise.normal(0.02));
        let misfit = fit(&noisy, 0.95).unwrap().misfit;
        assert!((misfit - 0.02).abs() < 0.003, "{misfit}");
    }

    #[test]
    fn a_peak_is_named_only_where_it_was_measured() {
        let peak = |server| fit(&sweeps(server, 3, || 0.0), 0.95).unwrap().peak();
        // √(0.98 / 1e-5) = 313
        let Peak::At(concurrency) = peak([5_000.0, 0.02, 1e-5]) else {
            panic!("a peak within the range was not found");
        };
        assert!((concurrency - 313.05).abs() < 0.1, "{concurrency}");
        assert_eq!(peak([5_000.0, 0.02, 1e-9]), Peak::OutsideMeasured);

        let mut noise = Noise::seeded(10);
        let noisy = sweeps([5_000.0, 0.05, 0.0], 3, || noise.normal(0.02));
        assert_eq!(fit(&noisy, 0.95).unwrap().peak(), Peak::Unresolved);
    }

    #[test]
    fn too_little_to_fit_is_said() {
        let error = |sweeps: &[Vec<Point>]| fit(sweeps, 0.95).unwrap_err();
        let full = sweeps(SERVERS[0], 3, || 0.0);
        assert_eq!(error(&full[..2]), FitError::TooFewSweeps(2));

        let mut short = full.clone();
        short[1].truncate(5);
        // The same concurrency again is no other concurrency.
        let repeated = short[1][0];
        short[1].push(repeated);
        assert_eq!(
            error(&short),
            FitError::TooFewConcurrencies { sweep: 2, found: 5 }
        );
        assert!(error(&short).to_string().contains("sweep 2 has 5"));

        let mut silent = full.clone();
        silent[0][0].throughput_rps = 0.0;
        assert!(matches!(error(&silent), FitError::UnusablePoint { .. }));
        assert_eq!(fit(&full, 1.0), Err(FitError::Confidence(1.0)));
    }

    #[test]
    fn a_law_without_a_base_is_not_made_up() {
        // A line through N/X that is negative at N = 1.
        let steep: Vec<_> = CONCURRENCIES
            .map(|n| Point {
                concurrency: n + 9.0,
                throughput_rps: (n + 9.0) / (n + 3.0),
            })
            .to_vec();
        let outcome = fit(&[steep.clone(), steep.clone(), steep], 0.95);
        assert_eq!(outcome, Err(FitError::NoBase));
    }
}
