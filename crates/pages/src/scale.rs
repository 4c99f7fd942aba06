//! Scalability: the Universal Scalability Law fitted to sweeps, and what its parameters mean.

use analysis::scale::Named;
use record::scale::{Fitted, Law, NoPeak, ScaleFit, ScalePoint, ScaleRecord};
use render::document::{Document, Item, Section};
use render::table::{Cell, Column, Layout, Table};
use render::{Format, RenderOptions, Rendered, render_document};

use crate::notes;

/// Spells the report in a format.
pub fn render(record: &ScaleRecord, format: Format, options: &RenderOptions) -> Rendered {
    render_document(record, &document(record), format, options)
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
        warnings: notes::of(&record.warnings),
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
