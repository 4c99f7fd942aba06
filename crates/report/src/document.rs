//! What a report shows, in order, as data: every format spells this one document.

use crate::analysis::verdict;
use crate::heat_map::HeatMap;
use crate::record::{Record, Warning};
use crate::table::Table;
use crate::view;

/// A report before it has a format.
#[derive(Debug, Clone, PartialEq)]
pub struct Document {
    /// What was measured, for a heading or a window title.
    pub title: String,
    /// The answer in plain words.
    pub verdict: Vec<String>,
    /// The rest, in order.
    pub sections: Vec<Section>,
    /// Reasons to distrust a number.
    pub warnings: Vec<Warning>,
}

/// A part of a report under its own heading.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// Heading.
    pub heading: String,
    /// Whether a format that can fold it away does so.
    pub folded: bool,
    /// What stands in it.
    pub items: Vec<Item>,
}

/// One thing that stands in a section.
#[derive(Debug, Clone, PartialEq)]
pub enum Item {
    /// A table.
    Table(Table),
    /// A sentence or several.
    Paragraph(String),
    /// A map of ratios.
    HeatMap(HeatMap),
}

impl Document {
    /// The report of one run.
    pub fn of(record: &Record) -> Document {
        let mut sections = vec![
            section("Results", false, tables(view::results::tables(record))),
            section("Ratios", false, tables(view::ratios::tables(record))),
            section("Findings", false, findings(record)),
            section(
                "The article beside this machine",
                false,
                tables(view::article::tables(record)),
            ),
            section(
                "How it was measured",
                true,
                tables(vec![view::method::table(record)]),
            ),
        ];
        sections.retain(|section| !section.items.is_empty());
        Document {
            title: view::method::title(record),
            verdict: verdict::sentences(record),
            sections,
            warnings: record.warnings.clone(),
        }
    }
}

fn section(heading: &str, folded: bool, items: Vec<Item>) -> Section {
    Section {
        heading: heading.to_owned(),
        folded,
        items,
    }
}

fn tables(tables: Vec<Table>) -> Vec<Item> {
    tables.into_iter().map(Item::Table).collect()
}

fn findings(record: &Record) -> Vec<Item> {
    record
        .findings
        .iter()
        .cloned()
        .map(Item::Paragraph)
        .collect()
}
