//! Scalability: the Universal Scalability Law fitted to sweeps.

use record::Warning;
use record::scale::{Fitted, KIND, Law, NoPeak, SCHEMA_VERSION, ScaleFit, ScalePoint, ScaleRecord};
use record::sweep::{SweepCell, SweepRecord, Visit};
use stats::thresholds::{CONFIDENCE, USL_MISFIT};
use stats::usl::{self, Parameter, Peak, Point, Scalability};

use crate::sweep::client_bound;
use crate::sweep::crossovers::row;
use crate::sweep::interim_looks::SCALE_VISITS;

/// Fits the law to every server and kind of work of these sweeps.
///
/// # Panics
/// Never: the environment of the first sweep is only looked at when there is one.
pub fn fit(sweeps: &[(String, SweepRecord)]) -> ScaleRecord {
    let fits: Vec<ScaleFit> = sweeps
        .iter()
        .flat_map(|(source, record)| fits_of(source, record))
        .collect();
    let environment = sweeps
        .first()
        .map(|(_, record)| record.environment.clone())
        .unwrap_or_default();
    let mut warnings = vec![Warning {
        code: "co_located_client".to_owned(),
        message: format!(
            "the load generator shares {} with the servers: it is a part of what α and β describe, and on other hardware they would be others",
            format::counted(u64::from(environment.cores), "core"),
        ),
    }];
    let named = Named::of(&fits);
    for fit in &fits {
        if let Some(law) = fit.law.filter(|law| law.misfit > USL_MISFIT) {
            warnings.push(Warning {
                code: "misfit".to_owned(),
                message: format!("{}: the law misses what was measured by {} on average: it does not describe this server", named.name(fit), format::percent(law.misfit * 100.0)),
            });
        }
    }
    ScaleRecord {
        schema_version: SCHEMA_VERSION,
        kind: KIND.to_owned(),
        environment,
        fits,
        warnings,
    }
}

fn fits_of(source: &str, record: &SweepRecord) -> Vec<ScaleFit> {
    let config = &record.config;
    let mut fits = Vec::new();
    for &keep_alive in &config.keep_alive {
        for &cpu_units in &config.cpu_units {
            for &wait_ms in &config.waits_ms {
                let cells = row(record, keep_alive, cpu_units, wait_ms);
                for server in &config.servers {
                    let mut fit = ScaleFit {
                        source: source.to_owned(),
                        server: server.name.clone(),
                        wait_ms,
                        cpu_units,
                        keep_alive,
                        server_cpus: config.server_cpus.clone(),
                        law: None,
                        points: Vec::new(),
                        left_out: Vec::new(),
                        reason: None,
                    };
                    fit_row(&mut fit, &cells);
                    fits.push(fit);
                }
            }
        }
    }
    fits
}

fn fit_row(fit: &mut ScaleFit, cells: &[&SweepCell]) {
    let mut sweeps: Vec<Vec<Point>> = vec![Vec::new(); SCALE_VISITS];
    for cell in cells {
        match throughputs(cell, &fit.server) {
            Ok(throughputs) => {
                let concurrency = cell.spot.concurrency;
                for (sweep, &throughput_rps) in sweeps.iter_mut().zip(&throughputs) {
                    sweep.push(Point {
                        concurrency: f64::from(concurrency),
                        throughput_rps,
                    });
                }
                let measured_rps = throughputs.iter().sum::<f64>() / throughputs.len() as f64;
                fit.points.push(ScalePoint {
                    concurrency,
                    measured_rps,
                    predicted_rps: None,
                });
            }
            Err(why) => fit.left_out.push(format!(
                "{}: {why}",
                format::count(u64::from(cell.spot.concurrency))
            )),
        }
    }
    match usl::fit(&sweeps, CONFIDENCE) {
        Ok(law) => {
            for point in &mut fit.points {
                point.predicted_rps = Some(law.throughput_rps(f64::from(point.concurrency)));
            }
            fit.law = Some(law_of(&law));
        }
        Err(error) => fit.reason = Some(error.to_string()),
    }
}

/// Throughput in each of the first visits: each pass over the cells is a sweep of its own.
fn throughputs(cell: &SweepCell, server: &str) -> Result<Vec<f64>, &'static str> {
    let server = cell.server(server).ok_or("not measured")?;
    if server.stopped.is_some() {
        return Err("the server does not work there");
    }
    if client_bound(server) {
        return Err("the load generator is the limit");
    }
    let result = server.result.as_ref().ok_or("not measured")?;
    let visits = cell
        .visits
        .get(..SCALE_VISITS)
        .ok_or("visited too few times")?;
    let throughput = |visit: &Visit| {
        let of_visit = visit.first_block..visit.first_block + visit.blocks;
        let blocks = || {
            result
                .blocks
                .iter()
                .filter(|block| of_visit.contains(&block.index) && block.dropped.is_none())
        };
        let seconds: f64 = blocks().map(|block| block.duration_s).sum();
        let requests: u64 = blocks().map(|block| block.requests).sum();
        if seconds > 0.0 && requests > 0 {
            Ok(requests as f64 / seconds)
        } else {
            Err("a visit measured nothing that can be used")
        }
    };
    visits.iter().map(throughput).collect()
}

fn law_of(law: &Scalability) -> Law {
    let fitted = |it: Parameter| Fitted {
        estimate: it.estimate,
        low: it.interval.low,
        high: it.interval.high,
    };
    let (peak, no_peak) = match law.peak() {
        _ if law.misfit > USL_MISFIT => (None, Some(NoPeak::Misfit)),
        Peak::At(concurrency) => (Some(concurrency), None),
        Peak::Unresolved => (None, Some(NoPeak::Unresolved)),
        Peak::OutsideMeasured => (None, Some(NoPeak::OutsideMeasured)),
    };
    Law {
        gamma_rps: fitted(law.gamma_rps),
        alpha: fitted(law.alpha),
        beta: fitted(law.beta),
        misfit: law.misfit,
        peak,
        no_peak,
    }
}

/// How fits are named so that they can be told apart.
#[derive(Debug, Clone, Copy)]
pub struct Named {
    /// Whether they are of several sweeps.
    with_source: bool,
}

impl Named {
    /// So that those of several sweeps name theirs.
    pub fn of(fits: &[ScaleFit]) -> Self {
        let first = fits.first().map(|fit| &fit.source);
        Self {
            with_source: fits.iter().any(|fit| Some(&fit.source) != first),
        }
    }

    /// `sync, wait 10 ms, on CPU 0 (a.json)`.
    pub fn name(self, fit: &ScaleFit) -> String {
        let mut name = format!("{}, wait {} ms", fit.server, fit.wait_ms);
        if fit.cpu_units > 0 {
            name += &format!(", {} CPU units", fit.cpu_units);
        }
        if !fit.keep_alive {
            name += ", a connection per request";
        }
        if let Some(cpus) = &fit.server_cpus {
            let cpus: Vec<String> = cpus.iter().map(usize::to_string).collect();
            name += &format!(", on CPU {}", cpus.join(" and "));
        }
        if self.with_source {
            name += &format!(" ({})", fit.source);
        }
        name
    }
}
