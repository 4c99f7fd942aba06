//! A map of ratios: rows and columns are what was varied, colour says who wins. One model, and its spelling
//! in each format; the signs beside the figures say the same as the colours.

use std::fmt::Write as _;

use format::wrap;

use crate::escape;
use crate::options::RenderOptions;

/// A map as data.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatMap {
    /// Stable identifier within a report.
    pub id: String,
    /// Title above the map.
    pub title: String,
    /// What the rows and the columns are, for the corner: `wait \ connections`.
    pub corner: String,
    /// Headings of the columns.
    pub columns: Vec<String>,
    /// Rows, each with a heading and as many fields as there are columns.
    pub rows: Vec<HeatRow>,
    /// Lines under the map: what the signs mean.
    pub legend: Vec<String>,
}

/// One row of a map.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatRow {
    /// Heading.
    pub heading: String,
    /// Its fields.
    pub fields: Vec<HeatField>,
}

/// One field of a map.
#[derive(Debug, Clone, PartialEq)]
pub struct HeatField {
    /// Figure and sign, short.
    pub text: String,
    /// What the colour says.
    pub tone: Tone,
    /// The whole story, where a format can show it on request.
    pub detail: String,
}

/// What the colour of a field says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tone {
    /// The candidate wins, by this much.
    Candidate(Strength),
    /// The baseline wins, by this much.
    Baseline(Strength),
    /// No difference that matters.
    Equal,
    /// Measured, but nothing can be said.
    Unclear,
    /// Not measured.
    Missing,
}

/// By how much somebody wins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Strength {
    /// By less than a tenth.
    Slight,
    /// By less than a half.
    Clear,
    /// By more.
    Strong,
}

impl Strength {
    /// Of a ratio, whichever side of 1 it is on.
    pub fn of(ratio: f64) -> Strength {
        match ratio.max(ratio.recip()) {
            by if by < 1.1 => Strength::Slight,
            by if by < 1.5 => Strength::Clear,
            _ => Strength::Strong,
        }
    }
}

impl Tone {
    /// Background and foreground in the 256 colours of terminals. Blue and orange, because red and green
    /// look alike to many.
    fn terminal(self) -> (u8, u8) {
        match self {
            Tone::Candidate(Strength::Slight) => (153, 16),
            Tone::Candidate(Strength::Clear) => (75, 16),
            Tone::Candidate(Strength::Strong) => (25, 231),
            Tone::Baseline(Strength::Slight) => (223, 16),
            Tone::Baseline(Strength::Clear) => (215, 16),
            Tone::Baseline(Strength::Strong) => (166, 231),
            Tone::Equal => (253, 16),
            Tone::Unclear => (245, 16),
            Tone::Missing => (236, 250),
        }
    }

    /// Background and foreground for a page.
    fn page(self) -> (&'static str, &'static str) {
        match self {
            Tone::Candidate(Strength::Slight) => ("#cfe3f7", "#111"),
            Tone::Candidate(Strength::Clear) => ("#7fb5e6", "#111"),
            Tone::Candidate(Strength::Strong) => ("#1f5fa8", "#fff"),
            Tone::Baseline(Strength::Slight) => ("#fbe3cb", "#111"),
            Tone::Baseline(Strength::Clear) => ("#f2b274", "#111"),
            Tone::Baseline(Strength::Strong) => ("#b8560f", "#fff"),
            Tone::Equal => ("#e9e9e9", "#111"),
            Tone::Unclear => ("#c4c4c4", "#111"),
            Tone::Missing => ("transparent", "inherit"),
        }
    }
}

impl HeatMap {
    /// For a terminal: fields of equal width, coloured where colours may be used.
    pub fn to_text(&self, options: &RenderOptions) -> String {
        let heading = width(
            self.rows
                .iter()
                .map(|row| &row.heading)
                .chain([&self.corner]),
        );
        let fields = self.rows.iter().flat_map(|row| &row.fields);
        let field = width(fields.map(|field| &field.text).chain(&self.columns));
        // A server's name comes from outside: nothing in it may steer the terminal.
        let title = self.title.replace(char::is_control, "\u{fffd}");
        let mut lines = vec![title, pad_end(&self.corner, heading)];
        for column in &self.columns {
            lines[1] += &format!(" {}", pad_start(column, field));
        }
        for row in &self.rows {
            let mut line = pad_end(&row.heading, heading);
            for HeatField { text, tone, .. } in &row.fields {
                let text = pad_start(text, field);
                let (back, front) = tone.terminal();
                match options.colour {
                    true => line += &format!(" \u{1b}[48;5;{back};38;5;{front}m{text}\u{1b}[0m"),
                    false => line += &format!(" {text}"),
                }
            }
            lines.push(line);
        }
        lines.extend(self.legend.iter().map(|line| wrap(line, options.width)));
        lines.join("\n")
    }

    /// As a Markdown table; winners of any strength are set in bold.
    pub fn to_markdown(&self) -> String {
        let mut text = format!("**{}**\n\n", escape_markdown(&self.title));
        let _ = write!(text, "| {} |", escape_markdown(&self.corner));
        for column in &self.columns {
            let _ = write!(text, " {} |", escape_markdown(column));
        }
        let _ = write!(text, "\n|---|{}", "---:|".repeat(self.columns.len()));
        for row in &self.rows {
            let _ = write!(text, "\n| {} |", escape_markdown(&row.heading));
            for field in &row.fields {
                let words = escape_markdown(&field.text);
                let _ = match field.tone {
                    Tone::Candidate(_) => write!(text, " **{words}** |"),
                    _ => write!(text, " {words} |"),
                };
            }
        }
        text.push('\n');
        for line in &self.legend {
            let _ = write!(text, "\n{}\n", escape_markdown(line));
        }
        text
    }

    /// As a table for a page, its colours with it: no style sheet, no script, nothing to load.
    pub fn to_html(&self) -> String {
        let mut text = format!(
            "<figure id=\"{}\"><figcaption>{}</figcaption>\n<table style=\"border-collapse:collapse\">\n<thead><tr><th scope=\"col\">{}</th>",
            escape::html(&self.id),
            escape::html(&self.title),
            escape::html(&self.corner)
        );
        for column in &self.columns {
            let _ = write!(text, "<th scope=\"col\">{}</th>", escape::html(column));
        }
        text.push_str("</tr></thead>\n<tbody>\n");
        for row in &self.rows {
            let _ = write!(
                text,
                "<tr><th scope=\"row\">{}</th>",
                escape::html(&row.heading)
            );
            for HeatField {
                text: words,
                tone,
                detail,
            } in &row.fields
            {
                let (back, front) = tone.page();
                let (detail, words) = (escape::html(detail), escape::html(words));
                let _ = write!(
                    text,
                    "<td title=\"{detail}\" style=\"background:{back};color:{front};text-align:right;padding:.3em .5em\">{words}</td>"
                );
            }
            text.push_str("</tr>\n");
        }
        text.push_str("</tbody></table>\n");
        for line in &self.legend {
            let _ = writeln!(text, "<p>{}</p>", escape::html(line));
        }
        text + "</figure>\n"
    }
}

fn width<'a>(texts: impl Iterator<Item = &'a String>) -> usize {
    texts.map(|text| text.chars().count()).max().unwrap_or(0)
}

fn pad_start(text: &str, width: usize) -> String {
    format!("{text:>width$}")
}

fn pad_end(text: &str, width: usize) -> String {
    format!("{text:<width$}")
}

fn escape_markdown(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => escaped.push(' '),
            c if c.is_control() => escaped.push('\u{fffd}'),
            '\\' | '|' | '*' | '_' | '`' | '<' | '[' => escaped.extend(['\\', c]),
            c => escaped.push(c),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map() -> HeatMap {
        let field = |text: &str, tone| HeatField {
            text: text.to_owned(),
            tone,
            detail: format!("{text} \"quoted\""),
        };
        HeatMap {
            id: "map".to_owned(),
            title: "a<b ÷ c|d".to_owned(),
            corner: "wait \\ connections".to_owned(),
            columns: vec!["1".to_owned(), "10,000".to_owned()],
            rows: vec![HeatRow {
                heading: "10 ms".to_owned(),
                fields: vec![
                    field("0.97 −", Tone::Baseline(Strength::Slight)),
                    field("1.52 +", Tone::Candidate(Strength::Strong)),
                ],
            }],
            legend: vec!["+ wins".to_owned()],
        }
    }

    #[test]
    fn without_colours_the_signs_tell() {
        let text = map().to_text(&RenderOptions::default());
        let wanted = "a<b ÷ c|d\nwait \\ connections      1 10,000\n10 ms              0.97 − 1.52 +\n+ wins";
        assert_eq!(text, wanted);
    }

    #[test]
    fn colours_do_not_change_the_text() {
        let coloured = map().to_text(&RenderOptions {
            colour: true,
            ..RenderOptions::default()
        });
        assert!(
            coloured.contains("\u{1b}[48;5;25;38;5;231m1.52 +\u{1b}[0m"),
            "{coloured:?}"
        );
    }

    #[test]
    fn markdown_and_html_escape_what_comes_from_outside() {
        let markdown = map().to_markdown();
        assert!(markdown.contains("a\\<b ÷ c\\|d"), "{markdown}");
        assert!(
            markdown.contains("| 10 ms | 0.97 − | **1.52 +** |"),
            "{markdown}"
        );
        let html = map().to_html();
        assert!(html.contains("a&lt;b ÷ c|d"), "{html}");
        assert!(
            html.contains("title=\"1.52 + &quot;quoted&quot;\""),
            "{html}"
        );
    }

    #[test]
    fn strength_is_the_same_on_both_sides_of_one() {
        for (ratio, strength) in [
            (1.05, Strength::Slight),
            (1.3, Strength::Clear),
            (2.0, Strength::Strong),
        ] {
            assert_eq!(Strength::of(ratio), strength);
            assert_eq!(Strength::of(1.0 / ratio), strength);
        }
    }
}
