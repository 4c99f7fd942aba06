//! What a machine allows, as a table.

use record::limits::{Ceiling, LimitsRecord, MachineLimit};
use render::document::{Document, Item, Section};
use render::table::{Cell, Column, Layout, Table};
use render::{Format, RenderOptions, Rendered, render_document};

/// Spells the report in a format.
pub fn render(record: &LimitsRecord, format: Format, options: &RenderOptions) -> Rendered {
    render_document(record, &document(record), format, options)
}

/// The report of what a machine allows.
pub fn document(record: &LimitsRecord) -> Document {
    let limits = Table {
        id: "limits".to_owned(),
        title: "What this machine allows".to_owned(),
        columns: vec![
            Column::words("Limit", 0),
            Column::figures("Value", 0),
            Column::words("What it limits", 0),
        ],
        rows: record.limits.iter().map(limit_row).collect(),
        layout: Layout::Upright,
        notes: Vec::new(),
    };
    let ceilings = Table {
        id: "ceilings".to_owned(),
        title: "Connections that follow".to_owned(),
        columns: vec![
            Column::words("Server", 0),
            Column::figures("Connections", 0),
            Column::words("Ended by", 0),
            Column::words("Because", 0),
        ],
        rows: record.ceilings.iter().map(ceiling_row).collect(),
        layout: Layout::Upright,
        notes: vec![
            "All other things left alone. Memory is what the kernel says is available now."
                .to_owned(),
        ],
    };
    Document {
        title: "Limits of this machine".to_owned(),
        verdict: Vec::new(),
        sections: vec![Section {
            heading: "Limits".to_owned(),
            folded: false,
            items: vec![Item::Table(limits), Item::Table(ceilings)],
        }],
        warnings: Vec::new(),
    }
}

fn limit_row(limit: &MachineLimit) -> Vec<Cell> {
    let value = limit.value.map(|value| value as f64);
    let text = |value: f64| match limit.unit.as_str() {
        "bytes" => format::mebibytes(value),
        "millicores" => format!("{} cores", format::number(value / 1e3)),
        unit => format!("{} {unit}", format::count(value as u64)),
    };
    vec![
        Cell::text(limit.name.clone()),
        Cell::figure(value, text),
        Cell::text(limit.meaning.clone()),
    ]
}

fn ceiling_row(ceiling: &Ceiling) -> Vec<Cell> {
    let connections = Cell {
        text: format::count(ceiling.connections),
        value: Some(ceiling.connections as f64),
    };
    vec![
        Cell::text(ceiling.server.clone()),
        connections,
        Cell::text(ceiling.by.clone()),
        Cell::text(ceiling.reason.clone()),
    ]
}
