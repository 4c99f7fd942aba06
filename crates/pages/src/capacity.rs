//! Capacity: the highest rate each server sustains under an objective, and latency against load.

use record::capacity::{CapacityRecord, ServerCapacity, Trial};
use render::chart::{Axis, Chart, Mark, Scale, Series, Style};
use render::document::{Document, Item, Section};
use render::table::{Cell, Column, Layout, Table};
use render::{Format, RenderOptions, Rendered, render_document};

use crate::notes;

/// Spells the report in a format.
pub fn render(record: &CapacityRecord, format: Format, options: &RenderOptions) -> Rendered {
    render_document(record, &document(record), format, options)
}

/// The report of a search.
pub fn document(record: &CapacityRecord) -> Document {
    let mut items = vec![Item::Table(overview(record))];
    items.extend(chart(record).map(Item::Chart));
    let curves = record.servers.iter().filter(|it| !it.curve.is_empty());
    items.extend(curves.map(curve).map(Item::Table));
    Document {
        title: format!("Capacity under {}", record.config.objective),
        verdict: record
            .servers
            .iter()
            .map(|it| sentence(record, it))
            .collect(),
        sections: vec![Section {
            heading: "Capacity".to_owned(),
            folded: false,
            items,
        }],
        warnings: notes::of(&record.warnings),
    }
}

fn sentence(record: &CapacityRecord, it: &ServerCapacity) -> String {
    let objective = &record.config.objective;
    let rate = |rps: f64| format!("{}/s", format::per_second(rps));
    match (it.low_rps, it.high_rps) {
        (Some(low), Some(high)) => format!(
            "{} sustains {} under {objective}, and no longer {}{}.",
            it.server,
            rate(low),
            rate(high),
            match (it.low_over_saturated, it.high_over_saturated) {
                (Some(low), Some(high)) => format!(
                    ": {} and {} times what it does in a closed loop",
                    format::fixed_ratio(low),
                    format::fixed_ratio(high)
                ),
                _ => String::new(),
            }
        ),
        (Some(low), None) => format!(
            "{} sustains at least {} under {objective}, the most that was tried.",
            it.server,
            rate(low)
        ),
        (None, Some(high)) => format!(
            "{} does not even sustain {} under {objective}.",
            it.server,
            rate(high)
        ),
        (None, None) => format!("{}: nothing is known yet.", it.server),
    }
}

fn overview(record: &CapacityRecord) -> Table {
    let config = &record.config;
    let row = |it: &ServerCapacity| {
        vec![
            Cell::text(it.server.clone()),
            Cell::figure(it.low_rps, format::per_second),
            Cell::figure(it.high_rps, format::per_second),
            Cell::text(shares(it)),
            Cell::figure(Some(it.trials.len() as f64), |trials| {
                format::count(trials as u64)
            }),
            Cell::text(if it.verified { "both ends" } else { "no" }),
            Cell::text(closed_loop(it)),
        ]
    };
    Table {
        id: "capacity".to_owned(),
        title: format!(
            "{}, {} connections: requests per second under {}",
            config.workload, config.concurrency, config.objective
        ),
        columns: vec![
            Column::words("Server", 0),
            Column::figures("Sustained", 0),
            Column::figures("No longer", 0),
            Column::figures("÷ closed loop", 0),
            Column::figures("Trials", 1),
            Column::words("Verified", 1),
            Column::figures("Closed loop", 1),
        ],
        rows: record.servers.iter().map(row).collect(),
        layout: Layout::Upright,
        notes: vec![
            "The search is for multiples of the closed loop measured beside each trial, because machines drift. In requests per second the ends are those multiples of the closed loop's 10th and 90th percentile.".to_owned(),
            format!(
            "A trial passes when it meets {}, at most {} errors, and {} of its rate. Each load is settled by a majority of trials of {}; both ends are then confirmed by fresh ones.",
            config.objective,
            config.max_errors,
            format::percent(config.least_rate_kept * 100.0),
            format::seconds(config.trial_s),
        )],
    }
}

/// The ends as multiples of the closed loop.
fn shares(it: &ServerCapacity) -> String {
    match (it.low_over_saturated, it.high_over_saturated) {
        (Some(low), Some(high)) => {
            format!("{}–{}", format::fixed_ratio(low), format::fixed_ratio(high))
        }
        (Some(low), None) => format!("≥ {}", format::fixed_ratio(low)),
        (None, Some(high)) => format!("< {}", format::fixed_ratio(high)),
        (None, None) => String::new(),
    }
}

/// The closed loop, and how far it drifted.
fn closed_loop(it: &ServerCapacity) -> String {
    let median = format::per_second(it.saturated_rps);
    match it.saturated_spread_rps {
        Some([slow, fast]) => format!(
            "{median} ({}–{})",
            format::per_second(slow),
            format::per_second(fast)
        ),
        None => median,
    }
}

fn curve(it: &ServerCapacity) -> Table {
    let row = |trial: &Trial| {
        vec![
            Cell::figure(Some(trial.rate_rps), format::per_second),
            Cell::figure(Some(trial.throughput_rps), format::per_second),
            Cell::figure(trial.latency_us.p50, format::duration_us),
            Cell::figure(trial.latency_us.p99, format::duration_us),
            Cell::figure(trial.server_cpu_us_per_request, format::cpu_us),
            Cell::figure(Some(trial.errors as f64), |errors| {
                format::count(errors as u64)
            }),
            Cell::text(trial.failed_on.clone().unwrap_or_else(|| "met".to_owned())),
        ]
    };
    Table {
        id: format!("curve-{}", it.server).replace(|c: char| !c.is_ascii_alphanumeric(), "-"),
        title: format!("{}: latency against load", it.server),
        columns: vec![
            Column::figures("Rate", 0),
            Column::figures("Answered", 0),
            Column::figures("p50", 1),
            Column::figures("p99", 0),
            Column::figures("Server CPU/req", 2),
            Column::figures("Errors", 2),
            Column::words("Objective", 0),
        ],
        rows: it.curve.iter().map(row).collect(),
        layout: Layout::Upright,
        notes: Vec::new(),
    }
}

/// Latency against load, each server's load as a share of its own capacity: past 100 % the knee.
fn chart(record: &CapacityRecord) -> Option<Chart> {
    let longest = record.servers.iter().max_by_key(|it| it.curve.len())?;
    let knee = longest.knee();
    let share = |trial: &Trial| trial.over_saturated().unwrap_or_default() / knee;
    let places: Vec<Mark> = longest
        .curve
        .iter()
        .map(|trial| Mark::new(share(trial), format::percent(share(trial) * 100.0)))
        .collect();
    let p99 = |trial: &Trial| Scale::Log.mark(trial.latency_us.p99, format::duration_us);
    let values = record.servers.iter().flat_map(|it| &it.curve);
    let chart = Chart {
        id: "latency-against-load".to_owned(),
        title: format!("99th percentile against load, {}", record.config.workload),
        style: Style::Line,
        x: Axis {
            label: "share of the server's own capacity".to_owned(),
            min: 0.0,
            max: places.last().map_or(1.0, |last| last.at),
            ticks: places.clone(),
        },
        y: Scale::Log.axis(
            "99th percentile, logarithmic",
            values.filter_map(|trial| trial.latency_us.p99),
            format::duration_us,
        ),
        series: record
            .servers
            .iter()
            .enumerate()
            .map(|(colour, it)| Series {
                name: it.server.clone(),
                colour,
                values: (0..places.len())
                    .map(|place| it.curve.get(place).and_then(p99))
                    .collect(),
            })
            .collect(),
        places,
        in_terminal: false,
    };
    (!chart.is_empty()).then_some(chart)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::search;
    use analysis::capacity::analyse;

    fn record(low: Option<f64>, high: Option<f64>) -> CapacityRecord {
        let mut record = search(low, high);
        analyse(&mut record);
        record
    }

    #[test]
    fn the_verdict_says_what_is_known_of_each_end() {
        for (low, high, told) in [
            (
                Some(0.9),
                Some(0.95),
                "sustains 900/s under p99 < 50.0 ms, and no longer 950/s: 0.900 and 0.950 times",
            ),
            (Some(0.9), None, "sustains at least 900/s"),
            (None, Some(0.01), "does not even sustain 10.0/s"),
            (None, None, "nothing is known yet"),
        ] {
            let verdict = document(&record(low, high)).verdict.remove(0);
            assert!(verdict.contains(told), "{verdict}");
        }
    }

    #[test]
    fn curves_share_one_scale_of_load() {
        let chart = chart(&record(Some(0.9), Some(0.95))).expect("there is a curve");
        let places: Vec<&str> = chart
            .places
            .iter()
            .map(|place| place.text.as_str())
            .collect();
        assert_eq!(places, ["50 %", "100 %"]);
    }
}
