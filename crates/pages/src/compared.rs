//! Two stored records side by side: advice, never a failure.
//!
//! One stored figure of another day says nothing about how much days differ, so there is no interval here.

use analysis::compared::{RecordComparison, StoredRatio};
use record::Record;
use record::article::REFERENCE_SERVER;
use render::document::{Document, Item, Note, Section};
use render::table::{Cell, Column, Layout, Table};

/// The page: what can be said first, then the figures, then all that stands against them.
pub fn document(
    names: (&str, &str),
    a: &Record,
    b: &Record,
    comparison: &RecordComparison,
) -> Document {
    let verdict = if comparison.rows.is_empty() {
        let nothing =
            "NOT COMPARABLE: nothing in these two records may be held against each other.";
        vec![nothing.to_owned(), would_be_comparable(names.0, a)]
    } else {
        vec!["ADVICE ONLY: a stored figure says nothing about how much days differ.".to_owned()]
    };
    let mut items: Vec<Item> = Vec::new();
    if !comparison.rows.is_empty() {
        items.push(Item::Table(table(names, comparison)));
    }
    items.push(Item::Paragraph(how_to_decide(a)));
    let reasons = comparison.not_comparable.iter().map(|reason| Note {
        code: "not_comparable".to_owned(),
        message: format!("Not comparable: {reason}."),
    });
    let unknown = comparison.unknown.iter().map(|what| Note {
        code: "unknown".to_owned(),
        message: format!(
            "Neither record knows its {what}: nobody can tell whether they are of one machine."
        ),
    });
    let of_records = [(names.0, a), (names.1, b)]
        .into_iter()
        .flat_map(|(name, record)| {
            record.warnings.iter().map(move |warning| Note {
                code: warning.code.clone(),
                message: format!("{name}: {}", warning.message),
            })
        });
    Document {
        title: format!("{} and {}", names.0, names.1),
        verdict,
        sections: vec![Section {
            heading: "B against A".to_owned(),
            folded: false,
            items,
        }],
        warnings: reasons.chain(unknown).chain(of_records).collect(),
    }
}

/// What another record would have to be to be held against this one.
fn would_be_comparable(name: &str, record: &Record) -> String {
    let mut servers: Vec<String> = Vec::new();
    for cell in &record.results {
        let server = format!("`{}`", cell.server);
        if !servers.contains(&server) {
            servers.push(server);
        }
    }
    if servers.is_empty() {
        return format!("Nothing would be comparable with {name}: it has no results.");
    }
    let request = &record.config.request;
    format!(
        "Comparable with {name} would be a record of {}: {} {} on {}, measured on the same machine by the same build with the \
         same settings.",
        format::list(&servers),
        request.method,
        request.path,
        format::counted(u64::from(record.config.concurrency), "connection"),
    )
}

/// The revision in a record is that of the program: a server's only where it is a part of it, and only where all of
/// it was committed.
fn how_to_decide(a: &Record) -> String {
    let built_in = a
        .config
        .servers
        .iter()
        .all(|server| server.settings.is_some());
    let committed = a.environment.git_dirty == Some(false);
    match &a.environment.git_revision {
        Some(revision) if built_in && committed => format!(
            "To decide, build A's revision ({revision}) again and gate the two side by side: scripts/perf-gate {revision}"
        ),
        _ => "To decide, build what A measured again and gate the two side by side: loadgen gate"
            .to_owned(),
    }
}

fn table(names: (&str, &str), comparison: &RecordComparison) -> Table {
    let metric = |row: &StoredRatio| match row.rate {
        Some(rate) => format!("{} at {}/s", row.metric.label(), format::per_second(rate)),
        None => row.metric.label().to_owned(),
    };
    let rows = comparison.rows.iter().map(|row| {
        vec![
            Cell::text(row.server.clone()),
            Cell::text(metric(row)),
            Cell::figure(Some(row.a), |value| row.metric.format(value)),
            Cell::figure(Some(row.b), |value| row.metric.format(value)),
            Cell::figure(Some(row.ratio), format::fixed_ratio),
            Cell::figure(row.against_reference, format::fixed_ratio),
        ]
    });
    let reference = if comparison.has_reference {
        format!(
            "Against {REFERENCE_SERVER}: (B ÷ its {REFERENCE_SERVER}) ÷ (A ÷ its {REFERENCE_SERVER}), which takes the machine's day out of the ratio."
        )
    } else {
        format!(
            "Without `{REFERENCE_SERVER}` measured in both records, the machine's day is part of every ratio."
        )
    };
    Table {
        id: "stored".to_owned(),
        title: String::new(),
        columns: vec![
            Column::words("Server", 0),
            Column::words("Metric", 0),
            Column::figures("A", 0),
            Column::figures("B", 0),
            Column::figures("B ÷ A", 0),
            Column::figures(format!("against\n{REFERENCE_SERVER}"), 0),
        ],
        rows: rows.collect(),
        layout: Layout::Upright,
        notes: vec![format!("A: {}. B: {}.", names.0, names.1), reference],
    }
    .without_empty_columns()
}
