//! Scalability: the Universal Scalability Law fitted to sweeps, and what its parameters mean.

use serde::{Deserialize, Serialize};
use stats::usl::{self, Parameter, Peak, Point, Scalability};

use crate::document::{Document, Item, Section};
use crate::format;
use crate::record::{Environment, Warning};
use crate::render::{Format, RenderOptions, Rendered};
use crate::sweep::analysis::client_bound;
use crate::sweep::crossovers::row;
use crate::sweep::looks::SCALE_VISITS;
use crate::sweep::record::{SweepCell, SweepRecord, Visit};
use crate::table::{Cell, Column, Layout, Table};

/// The version of the format that this program writes.
pub const SCHEMA_VERSION: u32 = 1;
/// What [`ScaleRecord::kind`] says.
pub const KIND: &str = "scale";
/// Confidence of every interval.
const CONFIDENCE: f64 = 0.95;
/// A root mean square misfit above this says that the law does not describe a server: it knows nothing of
/// handlers that wait, for instance, where throughput grows like N until the CPU is full. No peak is told then.
const MISFIT: f64 = 0.05;

/// The laws fitted to one sweep or several.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScaleRecord {
    /// Version of this format.
    pub schema_version: u32,
    /// Always [`KIND`].
    pub kind: String,
    /// The machine and the build that measured the first sweep.
    pub environment: Environment,
    /// One entry per sweep, kind of work and server.
    pub fits: Vec<ScaleFit>,
    /// Reasons to distrust a number.
    pub warnings: Vec<Warning>,
}

/// The law of one server under one kind of work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct ScaleFit {
    /// The sweep: its file, or how it was measured.
    pub source: String,
    /// Server.
    pub server: String,
    /// Wait in the handler in milliseconds.
    pub wait_ms: u64,
    /// Computing in the handler in units.
    pub cpu_units: u64,
    /// Keep-alive.
    pub keep_alive: bool,
    /// CPUs the server was pinned to; null when it was not.
    pub server_cpus: Option<Vec<usize>>,
    /// The law; null where it cannot be fitted.
    pub law: Option<Law>,
    /// Measured beside predicted.
    pub points: Vec<ScalePoint>,
    /// Points left out, and why.
    pub left_out: Vec<String>,
    /// Why there is no law; null when there is.
    pub reason: Option<String>,
}

/// X(N) = γN ÷ (1 + α(N − 1) + βN(N − 1)).
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Law {
    /// γ: requests per second of one request at a time.
    pub gamma_rps: Fitted,
    /// α: share of the work that is done one after another.
    pub alpha: Fitted,
    /// β: what each pair of requests costs each other.
    pub beta: Fitted,
    /// Root mean square of 1 − measured ÷ predicted.
    pub misfit: f64,
    /// Concurrency of the highest throughput; null where β may be 0 or it was not measured.
    pub peak: Option<f64>,
    /// Why there is no peak; null when there is.
    pub no_peak: Option<NoPeak>,
}

/// Why no peak is told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum NoPeak {
    /// β's interval touches 0: there may be none.
    Unresolved,
    /// The law's peak lies beyond what was measured.
    OutsideMeasured,
    /// The law does not describe this server.
    Misfit,
}

/// A parameter and its 95 % interval.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct Fitted {
    /// Estimate.
    pub estimate: f64,
    /// Lower end.
    pub low: f64,
    /// Upper end.
    pub high: f64,
}

/// One concurrency.
#[derive(Debug, Clone, Copy, PartialEq, Serialize, Deserialize)]
pub struct ScalePoint {
    /// Connections.
    pub concurrency: u32,
    /// Mean over the sweeps in requests per second.
    pub measured_rps: f64,
    /// By the law; null where there is none.
    pub predicted_rps: Option<f64>,
}

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
        if let Some(law) = fit.law.filter(|law| law.misfit > MISFIT) {
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
        _ if law.misfit > MISFIT => (None, Some(NoPeak::Misfit)),
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

/// Spells the report in a format.
pub fn render(record: &ScaleRecord, format: Format, options: &RenderOptions) -> Rendered {
    crate::render::render_document(record, &document(record), format, options)
}

/// The report of the fits.
pub fn document(record: &ScaleRecord) -> Document {
    let named = Named::of(&record.fits);
    let mut items = vec![Item::Table(laws(record, named))];
    items.extend(words(&record.fits, named).into_iter().map(Item::Paragraph));
    items.extend(
        record
            .fits
            .iter()
            .filter(|fit| !fit.points.is_empty())
            .map(|fit| Item::Table(points(fit, named))),
    );
    Document {
        title: "Scalability".to_owned(),
        verdict: Vec::new(),
        sections: vec![Section {
            heading: "Universal Scalability Law".to_owned(),
            folded: false,
            items,
        }],
        warnings: record.warnings.clone(),
    }
}

/// How fits are named so that they can be told apart.
#[derive(Clone, Copy)]
struct Named {
    /// Whether they are of several sweeps.
    with_source: bool,
}

impl Named {
    fn of(fits: &[ScaleFit]) -> Self {
        let first = fits.first().map(|fit| &fit.source);
        Self {
            with_source: fits.iter().any(|fit| Some(&fit.source) != first),
        }
    }

    /// `sync, wait 10 ms, on CPU 0 (a.json)`.
    fn name(self, fit: &ScaleFit) -> String {
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

fn laws(record: &ScaleRecord, named: Named) -> Table {
    let row = |fit: &ScaleFit| {
        let of = |parameter: fn(&Law) -> Fitted, text: fn(f64) -> String| {
            let it = fit.law.as_ref().map(parameter);
            Cell {
                text: it.map_or_else(
                    || format::NOT_AVAILABLE.to_owned(),
                    |it| {
                        format!(
                            "{} ({} to {})",
                            text(it.estimate),
                            text(it.low),
                            text(it.high)
                        )
                    },
                ),
                value: it.map(|it| it.estimate),
            }
        };
        vec![
            Cell::text(named.name(fit)),
            of(|law| law.gamma_rps, format::per_second),
            of(|law| law.alpha, small),
            of(|law| law.beta, small),
            Cell::figure(fit.law.and_then(|law| law.peak), |peak| {
                format::count(peak.round() as u64)
            }),
            Cell::figure(fit.law.map(|law| law.misfit * 100.0), format::percent),
        ]
    };
    Table {
        id: "laws".to_owned(),
        title: "X(N) = γN ÷ (1 + α(N − 1) + βN(N − 1)), with 95 % intervals over the passes"
            .to_owned(),
        columns: vec![
            Column::words("Server and work", 0),
            Column::figures("γ, requests/s", 0),
            Column::figures("α, contention", 0),
            Column::figures("β, coherency", 0),
            Column::figures("Peak at", 1),
            Column::figures("Misfit", 1),
        ],
        rows: record.fits.iter().map(row).collect(),
        layout: Layout::Upright,
        notes: Vec::new(),
    }
}

/// A parameter that may be tiny: three digits, with a power of ten where there is no other way.
fn small(value: f64) -> String {
    if value != 0.0 && value.abs() < 1e-3 {
        format!("{value:.1e}")
    } else {
        format::number(value)
    }
}

/// What the fits mean: a paragraph for each meaning, after the names of all that it is said of.
fn words(fits: &[ScaleFit], named: Named) -> Vec<String> {
    let mut told: Vec<(String, Vec<String>)> = Vec::new();
    for fit in fits {
        let meaning = meaning(fit);
        match told.iter_mut().find(|(other, _)| *other == meaning) {
            Some((_, names)) => names.push(named.name(fit)),
            None => told.push((meaning, vec![named.name(fit)])),
        }
    }
    told.into_iter()
        .map(|(meaning, names)| format!("{}: {meaning}", names.join("; ")))
        .collect()
}

/// What the parameters mean here.
fn meaning(fit: &ScaleFit) -> String {
    let Some(law) = &fit.law else {
        let reason = fit.reason.as_deref().unwrap_or("it could not be fitted");
        return format!("no law, {reason}.");
    };
    let alone = format::per_second(law.gamma_rps.estimate);
    let contention = match law.alpha.low > 0.0 {
        true => format!(
            "{} of what a request needs is had by one at a time: a core, a lock, the client's turn",
            format::percent(law.alpha.estimate * 100.0)
        ),
        false => "no contention can be told from none".to_owned(),
    };
    if law.no_peak == Some(NoPeak::Misfit) {
        return "the law does not describe what was measured, so its parameters mean nothing here. It bends smoothly; with few cores, or a handler that waits, throughput grows like the connections until the CPU is full, and then at once no more."
            .to_owned();
    }
    let coherency = match (law.beta.low > 0.0, law.peak, law.no_peak) {
        (true, Some(peak), _) => format!(
            "requests hinder each other, so throughput peaks at about {} connections",
            format::count(peak.round() as u64)
        ),
        (true, None, Some(NoPeak::OutsideMeasured)) => {
            "requests hinder each other, but throughput does not peak within what was measured"
                .to_owned()
        }
        _ => "that requests hinder each other cannot be told, and so no peak is named".to_owned(),
    };
    let left_out = match fit.left_out.is_empty() {
        true => String::new(),
        false => format!(" Left out: {}.", fit.left_out.join("; ")),
    };
    format!("one request at a time makes {alone}/s; {contention}; {coherency}.{left_out}")
}

fn points(fit: &ScaleFit, named: Named) -> Table {
    let name = named.name(fit);
    let row = |point: &ScalePoint| {
        let off = point
            .predicted_rps
            .map(|predicted| 100.0 * (point.measured_rps / predicted - 1.0));
        vec![
            Cell::figure(Some(f64::from(point.concurrency)), |it| {
                format::count(it as u64)
            }),
            Cell::figure(Some(point.measured_rps), format::per_second),
            Cell::figure(point.predicted_rps, format::per_second),
            Cell::figure(off, format::percent),
        ]
    };
    Table {
        id: format!("points-{name}").replace(|c: char| !c.is_ascii_alphanumeric(), "-"),
        title: format!("{name}: measured beside predicted"),
        columns: vec![
            Column::figures("Connections", 0),
            Column::figures("Measured/s", 0),
            Column::figures("Predicted/s", 0),
            Column::figures("Off by", 1),
        ],
        rows: fit.points.iter().map(row).collect(),
        layout: Layout::Upright,
        notes: Vec::new(),
    }
}
