//! The one chart model: what is drawn where and what its labels say, as data. Renderers only spell it.
//!
//! Positions are already on a linear scale, whatever the axis means (a logarithm, the nines of a
//! percentile, a category), so that no renderer needs to know; every label is text by [`format`](mod@format).

/// A chart: series of values over common places on the x axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Chart {
    /// Stable identifier within a report, also the stem of a file name.
    pub id: String,
    /// Title above the chart.
    pub title: String,
    /// How its series are drawn.
    pub style: Style,
    /// Horizontal axis.
    pub x: Axis,
    /// Vertical axis.
    pub y: Axis,
    /// Places on the x axis, ascending; every series has one value for each.
    pub places: Vec<Mark>,
    /// What is drawn.
    pub series: Vec<Series>,
    /// Whether a terminal shows it too (bars only).
    pub in_terminal: bool,
}

/// How series are drawn.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// A line from value to value.
    Line,
    /// Bars side by side at each place.
    Bar,
    /// Each series is one interval on a row of its own: low end, estimate, high end.
    Interval,
}

/// An axis.
#[derive(Debug, Clone, PartialEq)]
pub struct Axis {
    /// What it shows, with the scale where that is not linear.
    pub label: String,
    /// Position of its lower end.
    pub min: f64,
    /// Position of its upper end.
    pub max: f64,
    /// Labelled positions.
    pub ticks: Vec<Mark>,
}

/// A position and what it is called.
#[derive(Debug, Clone, PartialEq)]
pub struct Mark {
    /// Position on its axis.
    pub at: f64,
    /// Its label.
    pub text: String,
}

/// One line, one colour of bars, or one interval.
#[derive(Debug, Clone, PartialEq)]
pub struct Series {
    /// Name in the legend.
    pub name: String,
    /// Colour, as a number that each renderer's palette turns into one.
    pub colour: usize,
    /// One value for each place; `None` where there is none.
    pub values: Vec<Option<Mark>>,
}

impl Mark {
    /// A position with its label.
    pub fn new(at: f64, text: impl Into<String>) -> Mark {
        Mark {
            at,
            text: text.into(),
        }
    }
}

impl Chart {
    /// Whether there is anything to draw.
    pub fn is_empty(&self) -> bool {
        self.series
            .iter()
            .all(|series| series.values.iter().all(Option::is_none))
    }

    /// The position at which a bar begins: zero where the axis has it, else its lower end.
    pub fn base(&self) -> f64 {
        self.y.min.max(0.0_f64.min(self.y.max))
    }
}

/// How values become positions.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scale {
    /// As they are.
    Linear,
    /// Their decimal logarithm; values that have none are not drawn.
    Log,
}

impl Scale {
    /// The position of a value; `None` where it has none.
    pub fn position(self, value: f64) -> Option<f64> {
        match self {
            Scale::Linear => Some(value).filter(|value| value.is_finite()),
            Scale::Log => (value > 0.0).then(|| value.log10()),
        }
    }

    /// A value with its label, at its position.
    pub fn mark(self, value: Option<f64>, text: impl Fn(f64) -> String) -> Option<Mark> {
        let value = value?;
        Some(Mark::new(self.position(value)?, text(value)))
    }

    /// An axis that holds all values, with labels at round ones. A linear axis begins at zero.
    pub fn axis(
        self,
        label: &str,
        values: impl IntoIterator<Item = f64>,
        text: impl Fn(f64) -> String,
    ) -> Axis {
        let positions: Vec<f64> = values
            .into_iter()
            .filter_map(|value| self.position(value))
            .collect();
        let lowest = positions.iter().copied().fold(f64::INFINITY, f64::min);
        let highest = positions.iter().copied().fold(f64::NEG_INFINITY, f64::max);
        match self {
            Scale::Linear => linear_axis(label, highest, text),
            Scale::Log => log_axis(label, lowest, highest, text),
        }
    }
}

fn linear_axis(label: &str, highest: f64, text: impl Fn(f64) -> String) -> Axis {
    let highest = if highest.is_finite() && highest > 0.0 {
        highest
    } else {
        1.0
    };
    let step = round_step(highest / 5.0);
    let steps = (highest / step - 1e-9).ceil().max(1.0);
    let ticks = (0..=steps as u32).map(|n| f64::from(n) * step);
    Axis {
        label: label.to_owned(),
        min: 0.0,
        max: steps * step,
        ticks: ticks.map(|value| Mark::new(value, text(value))).collect(),
    }
}

/// Ticks at round multiples of the powers of ten, the fewer the more decades there are.
fn log_axis(label: &str, lowest: f64, highest: f64, text: impl Fn(f64) -> String) -> Axis {
    let (lowest, highest) = if lowest.is_finite() && highest.is_finite() {
        (lowest, highest)
    } else {
        (0.0, 1.0)
    };
    let decades = lowest.floor() as i32..=highest.ceil() as i32;
    let multiples: &[f64] = match highest - lowest {
        span if span > 3.0 => &[1.0],
        span if span > 1.0 => &[1.0, 2.0, 5.0],
        _ => &[1.0, 1.5, 2.0, 3.0, 5.0, 7.0],
    };
    let round: Vec<f64> = decades
        .flat_map(|decade| multiples.iter().map(move |m| m * 10_f64.powi(decade)))
        .collect();
    let min = round
        .iter()
        .map(|value| value.log10())
        .rfind(|at| *at <= lowest + 1e-9);
    let max = round
        .iter()
        .map(|value| value.log10())
        .find(|at| *at >= highest - 1e-9);
    let (min, max) = (min.unwrap_or(lowest), max.unwrap_or(highest));
    let max = if max > min { max } else { min + 1.0 };
    let ticks = round
        .iter()
        .map(|value| (value.log10(), value))
        .filter(|(at, _)| (min - 1e-9..=max + 1e-9).contains(at));
    Axis {
        label: format!("{label}, log scale"),
        min,
        max,
        ticks: ticks
            .map(|(at, value)| Mark::new(at, text(*value)))
            .collect(),
    }
}

/// 1, 2 or 5 times a power of ten, at least `step`.
fn round_step(step: f64) -> f64 {
    let power = 10_f64.powf(step.log10().floor());
    let multiple = [1.0, 2.0, 5.0]
        .into_iter()
        .find(|multiple| multiple * power >= step * (1.0 - 1e-9));
    multiple.unwrap_or(10.0) * power
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn labels(axis: &Axis) -> Vec<&str> {
        axis.ticks.iter().map(|tick| tick.text.as_str()).collect()
    }

    #[test]
    fn a_linear_axis_starts_at_zero_and_has_round_labels() {
        let axis = Scale::Linear.axis("QPS", [158_000.0, 104_000.0], |v| v.to_string());
        assert_eq!(labels(&axis), ["0", "50000", "100000", "150000", "200000"]);
        assert_eq!((axis.min, axis.max), (0.0, 200_000.0));
    }

    #[test]
    fn a_log_axis_has_round_labels() {
        let axis = Scale::Log.axis("latency", [130.0, 9_000.0], |v| format!("{v:.0}"));
        assert_eq!(
            labels(&axis),
            ["100", "200", "500", "1000", "2000", "5000", "10000"]
        );
        let wide = Scale::Log.axis("latency", [0.5, 90_000.0], |v| v.to_string());
        assert_eq!(
            labels(&wide),
            ["0.1", "1", "10", "100", "1000", "10000", "100000"]
        );
    }

    #[test]
    fn an_axis_without_values_can_still_be_drawn() {
        for scale in [Scale::Linear, Scale::Log] {
            let axis = scale.axis("nothing", [], |v| v.to_string());
            assert!(axis.max > axis.min && !axis.ticks.is_empty(), "{axis:?}");
        }
    }

    proptest! {
        #[test]
        fn every_value_lies_on_its_axis(values in prop::collection::vec(1e-3..1e9_f64, 1..20)) {
            for scale in [Scale::Linear, Scale::Log] {
                let axis = scale.axis("", values.iter().copied(), |v| v.to_string());
                prop_assert!(axis.ticks.len() >= 2 && axis.ticks.len() < 16, "{:?}", axis);
                for value in &values {
                    let at = scale.position(*value).unwrap();
                    prop_assert!(axis.min <= at + 1e-6 && at <= axis.max * (1.0 + 1e-9) + 1e-6, "{at} {axis:?}");
                }
            }
        }
    }
}
