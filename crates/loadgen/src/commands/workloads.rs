//! `loadgen workloads`: the list of all workloads.

use contract::Definition;
use render::document::{Document, Item, Section};
use render::table::{Cell, Column, Layout, Table};

use crate::{exit, output};

/// Prints the list.
///
/// # Errors
/// When standard output cannot be written.
pub fn list() -> anyhow::Result<u8> {
    output::print_document(&document())?;
    Ok(exit::MEASURED)
}

fn document() -> Document {
    let table = Table {
        id: "workloads".to_owned(),
        title: "--workload NAME[:MODE][?PARAMETERS], the default mode first".to_owned(),
        columns: vec![
            Column::words("Workload", 0),
            Column::words("What it shows", 0),
        ],
        rows: Definition::ALL.iter().copied().flat_map(rows).collect(),
        layout: Layout::Upright,
        notes: Definition::ALL.iter().copied().flat_map(lacking).collect(),
    };
    Document {
        title: "Workloads".to_owned(),
        verdict: Vec::new(),
        sections: vec![Section {
            heading: "Kinds of work that the built-in servers are asked for".to_owned(),
            folded: false,
            items: vec![Item::Table(table)],
        }],
        warnings: Vec::new(),
    }
}

/// A line for the workload, and one for each of its modes.
fn rows(definition: &Definition) -> Vec<Vec<Cell>> {
    let own = vec![Cell::text(definition.name), Cell::text(definition.summary)];
    let modes = definition.modes.iter().filter(|mode| !mode.name.is_empty());
    let modes = modes.map(|mode| {
        vec![
            Cell::text(format!("  :{}", mode.name)),
            Cell::text(format!("  {}", mode.summary)),
        ]
    });
    std::iter::once(own).chain(modes).collect()
}

/// Which server does not have it, and why.
fn lacking(definition: &Definition) -> Vec<String> {
    let lacking = definition.lacking.iter();
    lacking
        .map(|lacking| {
            format!(
                "{} does not have {}: {}",
                lacking.server, definition.name, lacking.reason
            )
        })
        .collect()
}
