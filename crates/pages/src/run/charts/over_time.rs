//! What a load point did second by second.

use analysis::cells::LoadPoint;
use record::SeriesPoint;
use render::chart::{Axis, Chart, Mark, Scale, Series, Style};

use crate::run::charts::{slug, suffix};

struct Figure {
    id: &'static str,
    title: &'static str,
    axis: &'static str,
    scale: Scale,
    value: fn(&SeriesPoint) -> Option<f64>,
    text: fn(f64) -> String,
}

/// Memory is drawn in MiB, so that the axis has round labels.
const MEBIBYTE: f64 = 1024.0 * 1024.0;

const FIGURES: [Figure; 5] = [
    Figure {
        id: "throughput",
        title: "Throughput over time",
        axis: "requests/s",
        scale: Scale::Linear,
        value: |point| (point.measured_s > 0.0).then(|| point.requests as f64 / point.measured_s),
        text: format::per_second,
    },
    Figure {
        id: "p99",
        title: "p99 over time",
        axis: "latency",
        scale: Scale::Log,
        value: |point| point.p99_us,
        text: format::duration_us,
    },
    Figure {
        id: "cpu",
        title: "Server CPU over time",
        axis: "cores in use",
        scale: Scale::Linear,
        value: |point| point.server_cores_used,
        text: format::number,
    },
    Figure {
        id: "rss",
        title: "Server memory over time",
        axis: "resident memory",
        scale: Scale::Linear,
        value: |point| point.server_rss_bytes.map(|bytes| bytes as f64 / MEBIBYTE),
        text: |mebibytes| format::mebibytes(mebibytes * MEBIBYTE),
    },
    Figure {
        id: "threads",
        title: "Server threads over time",
        axis: "threads",
        scale: Scale::Linear,
        value: |point| point.server_threads.map(|threads| threads as f64),
        text: format::per_second,
    },
];

/// One chart for each figure that was sampled.
pub(crate) fn charts(point: &LoadPoint<'_>) -> Vec<Chart> {
    let charts = FIGURES.iter().map(|figure| chart(point, figure));
    charts.filter(|chart| !chart.is_empty()).collect()
}

fn chart(point: &LoadPoint<'_>, figure: &Figure) -> Chart {
    let mut seconds: Vec<f64> = point
        .cells
        .iter()
        .flat_map(|cell| &cell.time_series)
        .map(|sample| sample.second)
        .filter(|second| second.is_finite())
        .collect();
    seconds.sort_by(f64::total_cmp);
    seconds.dedup();
    let values = point
        .cells
        .iter()
        .flat_map(|cell| &cell.time_series)
        .filter_map(figure.value);
    Chart {
        id: format!("{}-{}", figure.id, slug(point)),
        title: format!("{}, {}", figure.title, suffix(point)),
        style: Style::Line,
        x: time_axis(&seconds),
        y: figure.scale.axis(figure.axis, values, figure.text),
        series: point
            .cells
            .iter()
            .enumerate()
            .map(|(colour, cell)| Series {
                name: cell.server.clone(),
                colour,
                values: at_each(&seconds, &cell.time_series, figure),
            })
            .collect(),
        places: seconds
            .iter()
            .map(|at| Mark::new(*at, format::seconds(*at)))
            .collect(),
        in_terminal: false,
    }
}

/// The figure at each of `seconds`; both are ascending, so one walk does.
fn at_each(seconds: &[f64], samples: &[SeriesPoint], figure: &Figure) -> Vec<Option<Mark>> {
    let mut samples = samples.iter().peekable();
    let mut values = Vec::with_capacity(seconds.len());
    for second in seconds {
        while samples.next_if(|sample| sample.second < *second).is_some() {}
        let sample = samples.next_if(|sample| sample.second == *second);
        values.push(
            figure
                .scale
                .mark(sample.and_then(figure.value), figure.text),
        );
    }
    values
}

/// From the first to the last second: the load points of a run follow each other.
fn time_axis(seconds: &[f64]) -> Axis {
    let (first, last) = (
        seconds.first().copied().unwrap_or(0.0),
        seconds.last().copied().unwrap_or(1.0),
    );
    let from_zero = Scale::Linear.axis("since the run began", [last], format::seconds);
    let mut axis = Axis {
        min: first,
        max: last.max(first + 1.0),
        ..from_zero
    };
    axis.ticks
        .retain(|tick| (axis.min..=axis.max).contains(&tick.at));
    axis
}
