//! Bars in a terminal, from the one chart model.

use crate::chart::{Chart, Mark, Series};

/// Narrower than this, series stand below each other instead of side by side.
const NARROWEST_SERIES: usize = 24;
const EIGHTHS: [char; 8] = ['▏', '▎', '▍', '▌', '▋', '▊', '▉', '█'];

/// Draws a bar chart as wide as `width`, series side by side where there is room.
pub(super) fn render(chart: &Chart, width: usize) -> String {
    let places = chart.places.iter().map(|place| place.text.chars().count());
    let label = places.max().unwrap_or(0);
    let room = width.saturating_sub(label) / chart.series.len().max(1);
    if room >= NARROWEST_SERIES {
        block(chart, &chart.series.iter().collect::<Vec<_>>(), label, room)
    } else {
        let alone = width.saturating_sub(label);
        let blocks = chart
            .series
            .iter()
            .map(|series| block(chart, &[series], label, alone));
        blocks.collect::<Vec<_>>().join("\n")
    }
}

fn block(chart: &Chart, series: &[&Series], label: usize, room: usize) -> String {
    let names = series.iter().map(|series| column(&series.name, room));
    let mut lines = vec![line(&" ".repeat(label), names)];
    for (index, place) in chart.places.iter().enumerate() {
        let name = format!("{:<label$}", place.text);
        let cells = series.iter().map(|series| match &series.values[index] {
            Some(value) => column(&bar(chart, value, room), room),
            None => column("–", room),
        });
        lines.push(line(&name, cells));
    }
    lines.join("\n")
}

fn line(label: &str, cells: impl Iterator<Item = String>) -> String {
    let cells: String = cells.collect();
    format!("{label}{cells}").trim_end().to_owned()
}

/// Text in a column that begins with a gap.
fn column(text: &str, room: usize) -> String {
    let fitting: String = text.chars().take(room - 2).collect();
    format!("  {fitting:<width$}", width = room - 2)
}

/// A bar in eighths of a character, with its value behind it.
fn bar(chart: &Chart, value: &Mark, room: usize) -> String {
    let longest = chart
        .series
        .iter()
        .flat_map(|series| series.values.iter().flatten())
        .map(|mark| mark.text.chars().count())
        .max()
        .unwrap_or(0);
    let base = chart.base();
    let share = ((value.at - base) / (chart.y.max - base)).clamp(0.0, 1.0);
    let eighths = (share * (room.saturating_sub(longest + 3) * 8) as f64).round() as usize;
    let mut bar: String = std::iter::repeat_n(EIGHTHS[7], eighths / 8).collect();
    if !eighths.is_multiple_of(8) {
        bar.push(EIGHTHS[eighths % 8 - 1]);
    }
    if bar.is_empty() {
        return value.text.clone();
    }
    format!("{bar} {}", value.text)
}
