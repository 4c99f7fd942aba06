//! The article's frameworks and this machine's servers, each relative to its own machine.

use analysis::article::{Pair, pairs, reference_server};
use record::Record;
use record::article::REFERENCE_FRAMEWORK;
use render::chart::{Axis, Chart, Mark, Scale, Series, Style};

/// Bars of relative throughput for one keep-alive.
pub(crate) fn chart(record: &Record, keep_alive: bool) -> Option<Chart> {
    let pairs = pairs(&record.article, keep_alive);
    let bars = |name: String, colour: usize, row: fn(&Pair<'_>) -> Option<f64>| Series {
        name,
        colour,
        values: pairs
            .iter()
            .map(|pair| Scale::Linear.mark(row(pair), format::ratio))
            .collect(),
    };
    let there = bars(
        format!("the article, {REFERENCE_FRAMEWORK} = 1"),
        0,
        |pair| pair.0?.relative,
    );
    let servers = pairs.iter().filter_map(|(_, server)| *server);
    let unit = reference_server(servers.map(|server| server.name.as_str()));
    let here = bars(format!("measured here, {unit} = 1"), 1, |pair| {
        pair.1?.relative
    });
    let name = |pair: &Pair<'_>| {
        let names = [pair.0, pair.1]
            .into_iter()
            .flatten()
            .map(|row| row.name.as_str());
        names.collect::<Vec<_>>().join("\n")
    };
    let places: Vec<Mark> = pairs
        .iter()
        .enumerate()
        .map(|(at, pair)| Mark::new(at as f64, name(pair)))
        .collect();
    let relatives = pairs
        .iter()
        .flat_map(|pair| [pair.0, pair.1])
        .flatten()
        .filter_map(|row| row.relative);
    let keep_alive_words = if keep_alive {
        "keep-alive on"
    } else {
        "keep-alive off"
    };
    let chart = Chart {
        id: if keep_alive {
            "article"
        } else {
            "article-close"
        }
        .to_owned(),
        title: format!("Relative throughput in the article and here, {keep_alive_words}"),
        style: Style::Bar,
        x: Axis {
            label: String::new(),
            min: -0.5,
            max: pairs.len() as f64 - 0.5,
            ticks: places.clone(),
        },
        y: Scale::Linear.axis("relative requests/s", relatives, format::ratio),
        places,
        // Nothing measured here stands on the article's scale without the reference server.
        series: vec![there, here],
        in_terminal: false,
    };
    let measured = chart.series[1].values.iter().any(Option::is_some);
    measured.then_some(chart)
}
