//! Percentile distributions as HdrHistogram's plotter reads them; values in milliseconds.

use analysis::caveat::cell_name;
use format::fixed;
use hdrhistogram::Histogram;
use record::summary::decode_histogram;
use record::{CellResult, Record};
use render::{RenderOptions, Rendered};

/// Percentile ticks per halving of the distance to 100 %, as the reference implementation has it.
const TICKS_PER_HALF_DISTANCE: u32 = 5;

/// Spells one distribution for each cell. With a [`RenderOptions::stem`] and more than one cell each is a
/// file of its own, which is what the plotter takes; the text then has them all, under a line each.
pub fn render(records: &[Record], options: &RenderOptions) -> Rendered {
    let cells: Vec<(&Record, &CellResult)> = records
        .iter()
        .flat_map(|record| record.results.iter().map(move |cell| (record, cell)))
        .collect();
    let mut rendered = Rendered::default();
    for (number, (record, cell)) in cells.iter().enumerate() {
        let Ok(histogram) = decode_histogram(&cell.histogram) else {
            continue;
        };
        let one = distribution(&histogram);
        let heading = format!("{}, {}", record.started_at, cell_name(cell));
        let heading = format::visible(&heading);
        rendered.text.push_str(&format!("# {heading}\n{one}\n"));
        if let Some(stem) = options.stem.as_ref().filter(|_| cells.len() > 1) {
            let name = format!("{stem}-{number}-{}.hgrm", file_part(&cell.server));
            rendered.beside.push((name, one));
        }
    }
    rendered
}

/// The lines that `outputPercentileDistribution` of the reference implementation writes.
fn distribution(histogram: &Histogram<u64>) -> String {
    let milliseconds = |ns: f64| fixed(ns / 1e6, 12, 6);
    let mut text = String::from("       Value     Percentile TotalCount 1/(1-Percentile)\n\n");
    let mut seen = 0;
    for step in histogram.iter_quantiles(TICKS_PER_HALF_DISTANCE) {
        seen += step.count_since_last_iteration();
        let value = milliseconds(step.value_iterated_to() as f64);
        let quantile = step.quantile_iterated_to();
        let beyond = if quantile < 1.0 {
            format!(" {}", fixed(1.0 / (1.0 - quantile), 14, 2))
        } else {
            String::new()
        };
        let quantile = fixed(quantile, 14, 12);
        text.push_str(&format!("{value} {quantile} {seen:10}{beyond}\n"));
    }
    text.push_str(&format!(
        "#[Mean    = {}, StdDeviation   = {}]\n#[Max     = {}, Total count    = {:12}]\n#[Buckets = {:12}, SubBuckets     = {:12}]\n",
        milliseconds(histogram.mean()),
        milliseconds(histogram.stdev()),
        milliseconds(histogram.max() as f64),
        histogram.len(),
        histogram.buckets(),
        (2 * 10_u64.pow(u32::from(histogram.sigfig()))).next_power_of_two(),
    ));
    text
}

fn file_part(server: &str) -> String {
    let safe = server.chars().map(|c| {
        if c.is_ascii_alphanumeric() || c == '-' {
            c
        } else {
            '-'
        }
    });
    safe.take(40).collect()
}
