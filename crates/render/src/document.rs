//! What a report shows, in order, as data: every format spells this one document.

use crate::chart::Chart;
use crate::heat_map::HeatMap;
use crate::table::Table;

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
    pub warnings: Vec<Note>,
}

/// A reason to distrust a number, as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    /// Stable code, for instance `steal`.
    pub code: String,
    /// What was seen, with its number, and what follows.
    pub message: String,
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
    /// A chart.
    Chart(Chart),
    /// A sentence or several.
    Paragraph(String),
    /// A map of ratios.
    HeatMap(HeatMap),
}

impl Document {
    /// All charts in order.
    pub fn charts(&self) -> impl Iterator<Item = &Chart> {
        let items = self.sections.iter().flat_map(|section| &section.items);
        items.filter_map(|item| match item {
            Item::Chart(chart) => Some(chart),
            Item::Table(_) | Item::Paragraph(_) | Item::HeatMap(_) => None,
        })
    }
}
