//! For a terminal: tables by comfy-table that fit its width.

use comfy_table::presets::UTF8_FULL_CONDENSED;
use comfy_table::{CellAlignment, ContentArrangement};
use format::{visible, wrap};

use crate::chart::Chart;
use crate::document::{Document, Item, Section};
use crate::options::RenderOptions;
use crate::table::{Align, Layout, Table};
use crate::text_chart;

/// Spells a document for a terminal of the given width.
pub fn render(document: &Document, options: &RenderOptions) -> String {
    let paint = Paint {
        colour: options.colour,
    };
    let mut parts: Vec<String> = document
        .verdict
        .iter()
        .map(|sentence| paint.bold(&wrap(&visible(sentence), options.width)))
        .collect();
    for section in document.sections.iter().filter(|section| !section.folded) {
        parts.extend(spell_section(section, options, paint));
    }
    if !document.warnings.is_empty() {
        let warnings = document.warnings.iter();
        let lines: Vec<String> = warnings
            .map(|warning| {
                let text = wrap(
                    &format!("warning: {}", visible(&warning.message)),
                    options.width,
                );
                text.replacen("warning:", &paint.yellow("warning:"), 1)
            })
            .collect();
        parts.push(lines.join("\n"));
    }
    parts.join("\n\n") + "\n"
}

fn spell_section(section: &Section, options: &RenderOptions, paint: Paint) -> Vec<String> {
    let items = section.items.iter();
    items
        .filter_map(|item| match item {
            Item::Table(table) => Some(spell_table(table, options.width, paint)),
            Item::Paragraph(text) => Some(wrap(&visible(text), options.width)),
            Item::HeatMap(map) => Some(map.to_text(options)),
            Item::Chart(chart) => chart
                .in_terminal
                .then(|| spell_chart(chart, options.width, paint)),
        })
        .collect()
}

fn spell_chart(chart: &Chart, width: usize, paint: Paint) -> String {
    let title = format!("{} ({})", chart.title, chart.y.label);
    let bars = clean_lines(&text_chart::render(chart, width));
    format!("{}\n{bars}", paint.bold(&wrap(&visible(&title), width)))
}

/// The table under its title: turned where that is how it reads best and it fits, otherwise upright with
/// the least important columns left out.
fn spell_table(table: &Table, width: usize, paint: Paint) -> String {
    let turned = (table.layout == Layout::Turned)
        .then(|| draw(&table.turned()))
        .filter(|text| fits(text, width));
    let (body, dropped) = match turned {
        Some(text) => (text, Vec::new()),
        None => draw_upright(table.clone(), width),
    };
    let mut lines = Vec::new();
    if !table.title.is_empty() {
        lines.push(paint.bold(&wrap(&visible(&table.title), width)));
    }
    lines.push(body);
    if !dropped.is_empty() {
        let left_out = format!("Not shown in {width} columns: {}.", format::list(&dropped));
        lines.push(wrap(&left_out, width));
    }
    lines.extend(table.notes.iter().map(|note| wrap(&visible(note), width)));
    lines.join("\n")
}

fn draw_upright(mut table: Table, width: usize) -> (String, Vec<String>) {
    let mut dropped = Vec::new();
    loop {
        let text = draw(&table);
        if fits(&text, width) {
            return (text, dropped);
        }
        match table.drop_column() {
            Some(heading) => dropped.push(heading),
            None => return (comfy(&table, Some(width)), dropped),
        }
    }
}

fn draw(table: &Table) -> String {
    comfy(table, None)
}

fn comfy(table: &Table, width: Option<usize>) -> String {
    let mut drawn = comfy_table::Table::new();
    drawn.load_style(UTF8_FULL_CONDENSED);
    if let Some(width) = width {
        drawn.set_content_arrangement(ContentArrangement::Dynamic);
        drawn.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    } else {
        drawn.set_content_arrangement(ContentArrangement::Disabled);
    }
    drawn.set_header(
        table
            .columns
            .iter()
            .map(|column| clean_lines(&column.heading)),
    );
    for row in &table.rows {
        drawn.add_row(row.iter().map(|cell| clean_lines(&cell.text)));
    }
    for (index, column) in table.columns.iter().enumerate() {
        let alignment = match column.align {
            Align::Left => CellAlignment::Left,
            Align::Right => CellAlignment::Right,
        };
        if let Some(drawn_column) = drawn.column_mut(index) {
            drawn_column.set_cell_alignment(alignment);
        }
    }
    drawn.trim_fmt()
}

fn fits(text: &str, width: usize) -> bool {
    text.lines().all(|line| line.chars().count() <= width)
}

fn clean_lines(text: &str) -> String {
    text.split('\n').map(visible).collect::<Vec<_>>().join("\n")
}

#[derive(Clone, Copy)]
struct Paint {
    colour: bool,
}

impl Paint {
    fn bold(self, text: &str) -> String {
        self.with("1", text)
    }

    fn yellow(self, text: &str) -> String {
        self.with("33", text)
    }

    fn with(self, code: &str, text: &str) -> String {
        if self.colour {
            format!("\u{1b}[{code}m{text}\u{1b}[0m")
        } else {
            text.to_owned()
        }
    }
}
