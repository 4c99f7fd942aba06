//! For a README or a pull request, as GitHub renders it.

use crate::chart::Chart;
use crate::document::{Document, Item, Section};
use crate::options::RenderOptions;
use crate::output::Rendered;
use crate::table::{Align, Layout, Table};
use crate::{svg, text_chart};

/// Columns of bars that stand in for charts where no file can stand beside the text.
const BAR_WIDTH: usize = 90;

/// From this number of things on, a table with many figures stays upright.
const MOST_TURNED: usize = 5;

/// Spells a document. With a [`RenderOptions::stem`] its charts are SVG files beside it, otherwise bars.
pub fn render(document: &Document, options: &RenderOptions) -> Rendered {
    let mut page = Page {
        stem: options.stem.as_deref(),
        parts: vec![format!("# {}", escape(&document.title))],
        beside: Vec::new(),
    };
    let verdicts = document.verdict.iter();
    page.parts
        .extend(verdicts.map(|sentence| format!("**{}**", escape(sentence))));
    let (folded, open): (Vec<_>, Vec<_>) =
        document.sections.iter().partition(|section| section.folded);
    for section in open {
        page.section(section);
    }
    page.warnings(document);
    for section in folded {
        page.section(section);
    }
    Rendered {
        text: page.parts.join("\n\n") + "\n",
        beside: page.beside,
    }
}

struct Page<'a> {
    stem: Option<&'a str>,
    parts: Vec<String>,
    beside: Vec<(String, String)>,
}

impl Page<'_> {
    fn section(&mut self, section: &Section) {
        let before = self.parts.len();
        for item in &section.items {
            match item {
                Item::Table(table) => self.parts.push(spell_table(table)),
                Item::Paragraph(text) => self.parts.push(escape(text)),
                Item::HeatMap(map) => self.parts.push(map.to_markdown().trim_end().to_owned()),
                Item::Chart(chart) => self.chart(chart),
            }
        }
        if self.parts.len() == before {
            return;
        }
        let heading = escape(&section.heading);
        if section.folded {
            let opening = format!("<details>\n<summary>{heading}</summary>");
            self.parts.insert(before, opening);
            self.parts.push("</details>".to_owned());
        } else {
            self.parts.insert(before, format!("## {heading}"));
        }
    }

    fn chart(&mut self, chart: &Chart) {
        if let Some(stem) = self.stem {
            let name = format!("{stem}-{}.svg", chart.id);
            let address = percent_encoded(&name);
            self.parts
                .push(format!("![{}]({address})", escape(&chart.title)));
            self.beside.push((name, svg::render(chart)));
        } else if chart.in_terminal {
            let title = escape(&format!("{} ({})", chart.title, chart.y.label));
            let bars = without_fence(&text_chart::render(chart, BAR_WIDTH));
            self.parts.push(format!("{title}\n\n```text\n{bars}\n```"));
        }
    }

    fn warnings(&mut self, document: &Document) {
        if document.warnings.is_empty() {
            return;
        }
        let warnings = document.warnings.iter();
        let lines: Vec<String> = warnings
            .map(|warning| format!("- ⚠️ {}", escape(&warning.message)))
            .collect();
        self.parts.push("## Warnings".to_owned());
        self.parts.push(lines.join("\n"));
    }
}

fn spell_table(table: &Table) -> String {
    let turned = table.layout == Layout::Turned && table.rows.len() <= MOST_TURNED;
    let table = if turned {
        table.turned()
    } else {
        table.clone()
    };
    let row = |cells: Vec<String>| format!("| {} |", cells.join(" | "));
    let headings = table.columns.iter().map(|column| escape(&column.heading));
    let rule = table.columns.iter().map(|column| match column.align {
        Align::Left => "---".to_owned(),
        Align::Right => "---:".to_owned(),
    });
    let mut lines = vec![row(headings.collect()), row(rule.collect())];
    for cells in &table.rows {
        lines.push(row(cells.iter().map(|cell| escape(&cell.text)).collect()));
    }
    let mut parts = Vec::new();
    if !table.title.is_empty() {
        parts.push(format!("**{}**", escape(&table.title)));
    }
    parts.push(lines.join("\n"));
    parts.extend(table.notes.iter().map(|note| escape(note)));
    parts.join("\n\n")
}

/// Text from outside as text: nothing in it is markup, ends a cell, or becomes a link or a mention.
fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => escaped.push_str("<br>"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '&' => escaped.push_str("&amp;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '#' | '~' | '!' | '$' => {
                escaped.push('\\');
                escaped.push(c);
            }
            '@' => escaped.push_str("&#64;"),
            c if c.is_control() => escaped.push('\u{fffd}'),
            c => escaped.push(c),
        }
    }
    // What GitHub would take for an address by itself.
    escaped
        .replace("://", "&#58;//")
        .replace("www.", "www&#46;")
}

/// Bars stand in a fenced block, which a server's name must not end; nor may it steer a terminal.
fn without_fence(text: &str) -> String {
    let lines: Vec<String> = text.split('\n').map(format::visible).collect();
    lines.join("\n").replace("```", "'''")
}

/// A file name as the address of a link.
fn percent_encoded(name: &str) -> String {
    let mut address = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._".contains(&byte) {
            address.push(char::from(byte));
        } else {
            address.push_str(&format!("%{byte:02X}"));
        }
    }
    address
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn text_from_outside_is_only_text() {
        assert_eq!(escape("a|b"), "a\\|b");
        assert_eq!(escape("<img src=x>"), "&lt;img src=x&gt;");
        assert_eq!(escape("[x](y)"), "\\[x\\](y)");
        assert_eq!(escape("http://a"), "http&#58;//a");
        assert_eq!(percent_encoded("a b)-é.svg"), "a%20b%29-%C3%A9.svg");
    }

    proptest! {
        #[test]
        fn no_text_opens_a_tag_or_ends_a_cell(text in any::<String>()) {
            let escaped = escape(&text).replace("<br>", "");
            prop_assert!(!escaped.contains(['<', '\n', '\r']));
            let bytes = escaped.as_bytes();
            for at in 0..bytes.len() {
                if bytes[at] == b'|' {
                    let slashes = bytes[..at].iter().rev().take_while(|b| **b == b'\\').count();
                    prop_assert!(slashes % 2 == 1, "{}", escaped);
                }
            }
        }
    }
}
