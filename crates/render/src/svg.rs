//! A chart as an SVG file, drawn by plotters.

use format::visible;
use plotters::coord::ranged1d::{KeyPointHint, NoDefaultFormatting, Ranged, ValueFormatter};
use plotters::prelude::*;

use crate::chart::{Axis, Chart, Mark, Series, Style};

const SIZE: (u32, u32) = (860, 400);
const ROW_HEIGHT: u32 = 34;
const FONT: &str = "sans-serif";

type Failure = DrawingAreaErrorKind<std::io::Error>;

/// Draws a chart on a white ground, so that it reads on any page.
///
/// # Panics
/// Never: SVG is written to memory.
pub fn render(chart: &Chart) -> String {
    let mut text = String::new();
    draw(chart, &mut text).expect("writing to memory does not fail");
    // A file ends with a line break.
    text.trim_end().to_owned() + "\n"
}

fn draw(chart: &Chart, text: &mut String) -> Result<(), Failure> {
    let height = match chart.style {
        Style::Interval => 110 + ROW_HEIGHT * chart.series.len() as u32,
        Style::Line | Style::Bar => SIZE.1,
    };
    let root = SVGBackend::with_string(text, (SIZE.0, height)).into_drawing_area();
    root.fill(&WHITE)?;
    let widest = chart.y.ticks.iter().map(|tick| &tick.text);
    let label_width = 6 + 7 * widest.map(|text| text.chars().count()).max().unwrap_or(0) as u32;
    let mut area = ChartBuilder::on(&root)
        .caption(visible(&chart.title), (FONT, 17))
        .margin(12)
        .margin_right(28)
        .x_label_area_size(46)
        .y_label_area_size(label_width + 14)
        .build_cartesian_2d(Labelled(chart.x.clone()), Labelled(chart.y.clone()))?;
    area.configure_mesh()
        .x_desc(&chart.x.label)
        .y_desc(&chart.y.label)
        .axis_desc_style((FONT, 13))
        .label_style((FONT, 12))
        .light_line_style(TRANSPARENT)
        .bold_line_style(RGBColor(225, 225, 225))
        .draw()?;
    for (index, series) in chart.series.iter().enumerate() {
        let colour = colour(series.colour);
        let annotation = match chart.style {
            Style::Line => area.draw_series(lines(chart, series))?,
            Style::Bar => area.draw_series(bars(chart, index))?,
            Style::Interval => {
                let whole: Vec<(f64, f64)> = points(chart, series).collect();
                let estimate = whole.get(whole.len() / 2).copied();
                let estimate = estimate.map(|at| Circle::new(at, 4, colour.filled()));
                area.draw_series(estimate)?;
                area.draw_series([PathElement::new(whole, colour.stroke_width(3))])?
            }
        };
        if chart.style != Style::Interval {
            annotation
                .label(visible(&series.name))
                .legend(move |(x, y)| {
                    Rectangle::new([(x, y - 4), (x + 14, y + 4)], colour.filled())
                });
        }
    }
    if chart.style == Style::Interval {
        let unity = [(0.0, chart.y.min), (0.0, chart.y.max)];
        area.draw_series([PathElement::new(unity.to_vec(), BLACK.mix(0.5))])?;
    } else {
        area.configure_series_labels()
            .position(legend_side(chart))
            .background_style(WHITE.mix(0.85))
            .border_style(RGBColor(225, 225, 225))
            .label_font((FONT, 13))
            .draw()?;
    }
    root.present()
}

/// The side on which the values are lower, so that the legend covers none.
fn legend_side(chart: &Chart) -> SeriesLabelPosition {
    let middle = f64::midpoint(chart.x.min, chart.x.max);
    let highest = |is_left: bool| {
        let values = chart.series.iter().flat_map(|series| points(chart, series));
        let side = values.filter(|(x, _)| (*x < middle) == is_left);
        side.map(|(_, y)| y).fold(f64::NEG_INFINITY, f64::max)
    };
    if highest(true) <= highest(false) {
        SeriesLabelPosition::UpperLeft
    } else {
        SeriesLabelPosition::UpperRight
    }
}

fn points<'a>(chart: &'a Chart, series: &'a Series) -> impl Iterator<Item = (f64, f64)> + 'a {
    let values = chart.places.iter().zip(&series.values);
    values.filter_map(|(place, value)| Some((place.at, value.as_ref()?.at)))
}

/// A line that breaks where there is no value.
fn lines(chart: &Chart, series: &Series) -> Vec<PathElement<(f64, f64)>> {
    let mut runs: Vec<Vec<(f64, f64)>> = vec![Vec::new()];
    for (place, value) in chart.places.iter().zip(&series.values) {
        match value {
            Some(value) => runs
                .last_mut()
                .expect("never empty")
                .push((place.at, value.at)),
            None if runs.last().is_some_and(|run| !run.is_empty()) => runs.push(Vec::new()),
            None => {}
        }
    }
    let colour = colour(series.colour).stroke_width(2);
    let runs = runs.into_iter().filter(|run| !run.is_empty());
    runs.map(|run| {
        // A single value is drawn as a short stroke, as a path of one point would not be seen.
        let (x, y) = run[0];
        let nudge = (chart.x.max - chart.x.min) * 0.004;
        let run = if run.len() == 1 {
            vec![(x - nudge, y), (x + nudge, y)]
        } else {
            run
        };
        PathElement::new(run, colour)
    })
    .collect()
}

/// The bars of one series, beside those of the others at the same place.
fn bars(chart: &Chart, index: usize) -> Vec<Rectangle<(f64, f64)>> {
    let width = 0.8 / chart.series.len() as f64;
    let series = &chart.series[index];
    points(chart, series)
        .map(|(x, y)| {
            let left = x - 0.4 + width * index as f64;
            let corners = [(left, chart.base()), (left + width * 0.92, y)];
            Rectangle::new(corners, colour(series.colour).filled())
        })
        .collect()
}

/// The palette of Okabe and Ito, which colour-blind readers can tell apart.
fn colour(number: usize) -> RGBColor {
    const PALETTE: [RGBColor; 7] = [
        RGBColor(0, 114, 178),
        RGBColor(213, 94, 0),
        RGBColor(0, 158, 115),
        RGBColor(204, 121, 167),
        RGBColor(230, 159, 0),
        RGBColor(86, 180, 233),
        RGBColor(90, 90, 90),
    ];
    PALETTE[number % PALETTE.len()]
}

/// An axis of ours as plotters sees one: its ticks are the key points, and their labels are known.
struct Labelled(Axis);

impl Ranged for Labelled {
    type FormatOption = NoDefaultFormatting;
    type ValueType = f64;

    fn map(&self, value: &f64, limit: (i32, i32)) -> i32 {
        let share = (value - self.0.min) / (self.0.max - self.0.min);
        limit.0 + (share * f64::from(limit.1 - limit.0)).round() as i32
    }

    fn key_points<Hint: KeyPointHint>(&self, _: Hint) -> Vec<f64> {
        self.0.ticks.iter().map(|tick| tick.at).collect()
    }

    fn range(&self) -> std::ops::Range<f64> {
        self.0.min..self.0.max
    }
}

impl ValueFormatter<f64> for Labelled {
    fn format(value: &f64) -> String {
        value.to_string()
    }

    fn format_ext(&self, value: &f64) -> String {
        let tick: Option<&Mark> = self.0.ticks.iter().find(|tick| tick.at == *value);
        tick.map_or_else(String::new, |tick| visible(&tick.text.replace('\n', " / ")))
    }
}
