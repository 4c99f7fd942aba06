//! Latency as a percentile curve, as a histogram and as bars.

use analysis::cells::LoadPoint;
use hdrhistogram::Histogram;
use record::CellResult;
use record::summary::decode_histogram;
use render::chart::{Axis, Chart, Mark, Scale, Series, Style};
use stats::percentile::{Percentile, locate};

use crate::run::charts::{slug, suffix};

const STEPS_PER_NINE: u32 = 16;
const BINS: usize = 16;

/// A server, its histogram, and the requests that were slower than all in it.
struct Distribution<'a> {
    cell: &'a CellResult,
    histogram: Histogram<u64>,
    lost: u64,
}

/// The distributions of a load point. A histogram that cannot be read is left out, like an empty one.
fn distributions<'a>(point: &LoadPoint<'a>) -> Vec<Distribution<'a>> {
    let cells = point.cells.iter();
    cells
        .filter_map(|cell| {
            let histogram = decode_histogram(&cell.histogram).ok()?;
            let lost = cell.errors.timeout + cell.errors.unsent;
            (!histogram.is_empty()).then_some(Distribution {
                cell,
                histogram,
                lost,
            })
        })
        .collect()
}

/// The HdrHistogram plot: latency over the nines of the percentile, as far as requests support it.
pub(crate) fn curves(point: &LoadPoint<'_>) -> Option<Chart> {
    let distributions = distributions(point);
    let most = distributions
        .iter()
        .map(|d| d.histogram.len() + d.lost)
        .max()?;
    // 100 requests lie beyond the last percentile that is drawn.
    let nines = (most as f64 / 100.0).log10().max(0.3);
    let steps = (nines * f64::from(STEPS_PER_NINE)).floor() as u32;
    let places: Vec<f64> = (0..=steps)
        .map(|step| f64::from(step) / f64::from(STEPS_PER_NINE))
        .collect();
    let values: Vec<Vec<Option<f64>>> = distributions
        .iter()
        .map(|d| {
            places
                .iter()
                .map(|nines| d.latency_us(share(*nines)))
                .collect()
        })
        .collect();
    let series = distributions.iter().zip(&values).enumerate();
    let chart = Chart {
        id: format!("percentiles-{}", slug(point)),
        title: format!("Latency by percentile, {}", suffix(point)),
        style: Style::Line,
        x: percentile_axis(nines),
        y: Scale::Log.axis(
            "latency",
            values.iter().flatten().flatten().copied(),
            format::duration_us,
        ),
        places: places
            .iter()
            .map(|at| Mark::new(*at, format::nines(share(*at))))
            .collect(),
        series: series
            .map(|(colour, (d, values))| Series {
                name: d.cell.server.clone(),
                colour,
                values: values
                    .iter()
                    .map(|us| Scale::Log.mark(*us, format::duration_us))
                    .collect(),
            })
            .collect(),
        in_terminal: false,
    };
    (!chart.is_empty()).then_some(chart)
}

impl Distribution<'_> {
    /// The latency at a share of all requests; `None` where too few support it or it is not known.
    fn latency_us(&self, share: f64) -> Option<f64> {
        match locate(share, self.histogram.len(), self.lost)? {
            Percentile::Answered { quantile } => {
                Some(self.histogram.value_at_quantile(quantile) as f64 / 1e3)
            }
            Percentile::AtLeastTimeout | Percentile::TooFew { .. } => None,
        }
    }
}

/// 0 is the minimum, 1 is 90 %, 2 is 99 %.
fn share(nines: f64) -> f64 {
    1.0 - 10_f64.powf(-nines)
}

fn percentile_axis(nines: f64) -> Axis {
    let named = [
        (0.5, "50 %"),
        (0.9, "90 %"),
        (0.99, "99 %"),
        (0.999, "99.9 %"),
        (0.999_9, "99.99 %"),
        (0.999_99, "99.999 %"),
    ];
    let ticks = named.map(|(share, text)| Mark::new(-(1.0_f64 - share).log10(), text));
    Axis {
        label: "percentile, spaced by its nines".to_owned(),
        min: 0.0,
        max: nines,
        ticks: ticks
            .into_iter()
            .filter(|tick| tick.at <= nines + 1e-9)
            .collect(),
    }
}

/// How many requests took how long, in bins that widen with latency.
pub(crate) fn histogram(point: &LoadPoint<'_>) -> Option<Chart> {
    let distributions = distributions(point);
    let at = |quantile: f64| {
        let values = distributions
            .iter()
            .map(move |d| d.histogram.value_at_quantile(quantile));
        values.map(|ns| (ns.max(1) as f64).log10())
    };
    let low = at(0.001).reduce(f64::min)?;
    let high = at(0.999).reduce(f64::max)?.max(low + 0.05);
    let width = (high - low) / BINS as f64;
    let shares: Vec<Vec<f64>> = distributions
        .iter()
        .map(|d| binned(&d.histogram, low, width))
        .collect();
    let edge = |bin: usize| 10_f64.powf(low + bin as f64 * width) / 1e3;
    let places: Vec<Mark> = (0..BINS)
        .map(|bin| {
            let text = match bin {
                0 => format!("up to {}", format::duration_us(edge(1))),
                bin if bin == BINS - 1 => format!("from {}", format::duration_us(edge(bin))),
                bin => format!(
                    "{} – {}",
                    format::duration_us(edge(bin)),
                    format::duration_us(edge(bin + 1))
                ),
            };
            Mark::new(bin as f64, text)
        })
        .collect();
    Some(Chart {
        id: format!("histogram-{}", slug(point)),
        title: format!("Latency histogram, {}", suffix(point)),
        style: Style::Bar,
        x: Axis {
            label: "latency (lower edge of bin), log scale".to_owned(),
            min: -0.5,
            max: BINS as f64 - 0.5,
            ticks: (0..BINS)
                .step_by(5)
                .map(|bin| Mark::new(bin as f64, format::duration_us(edge(bin))))
                .collect(),
        },
        y: Scale::Linear.axis(
            "share of requests",
            shares.iter().flatten().copied(),
            format::percent,
        ),
        places,
        series: distributions
            .iter()
            .zip(&shares)
            .enumerate()
            .map(|(colour, (d, shares))| Series {
                name: d.cell.server.clone(),
                colour,
                values: shares
                    .iter()
                    .map(|share| Scale::Linear.mark(Some(*share), format::percent))
                    .collect(),
            })
            .collect(),
        in_terminal: true,
    })
}

/// The share of the recorded values in each bin, in percent; the outermost hold what lies beyond them.
fn binned(histogram: &Histogram<u64>, low: f64, width: f64) -> Vec<f64> {
    let mut shares = vec![0.0; BINS];
    for step in histogram.iter_recorded() {
        let position = ((step.value_iterated_to().max(1) as f64).log10() - low) / width;
        let bin = (position.max(0.0) as usize).min(BINS - 1);
        shares[bin] += step.count_since_last_iteration() as f64 / histogram.len() as f64 * 100.0;
    }
    shares
}

/// The percentiles of the main table as bars.
pub(crate) fn percentiles(point: &LoadPoint<'_>) -> Option<Chart> {
    let names = ["p50", "p90", "p99", "p99_9", "max"];
    let figure = |cell: &CellResult, name: &str| match name {
        "max" => cell.latency_us.max,
        name => cell.latency_us.percentile(name),
    };
    let all = point
        .cells
        .iter()
        .flat_map(|cell| names.iter().filter_map(|name| figure(cell, name)));
    let chart = Chart {
        id: format!("latency-{}", slug(point)),
        title: format!("Latency percentiles, {}", suffix(point)),
        style: Style::Bar,
        x: categories(&names.map(format::percentile_name)),
        y: Scale::Log.axis(
            "latency",
            all.chain(shorter_than(point)),
            format::duration_us,
        ),
        places: names
            .iter()
            .enumerate()
            .map(|(at, name)| Mark::new(at as f64, format::percentile_name(name)))
            .collect(),
        series: point
            .cells
            .iter()
            .enumerate()
            .map(|(colour, cell)| Series {
                name: cell.server.clone(),
                colour,
                values: names
                    .iter()
                    .map(|name| Scale::Log.mark(figure(cell, name), format::duration_us))
                    .collect(),
            })
            .collect(),
        in_terminal: true,
    };
    (!chart.is_empty()).then_some(chart)
}

/// Half the shortest median: a bar on a log scale needs room below the shortest.
fn shorter_than(point: &LoadPoint<'_>) -> Option<f64> {
    let medians = point.cells.iter().filter_map(|cell| cell.latency_us.p50);
    medians.reduce(f64::min).map(|shortest| shortest / 2.0)
}

/// An axis of words.
fn categories(names: &[String]) -> Axis {
    Axis {
        label: String::new(),
        min: -0.5,
        max: names.len() as f64 - 0.5,
        ticks: names
            .iter()
            .enumerate()
            .map(|(at, name)| Mark::new(at as f64, name))
            .collect(),
    }
}
