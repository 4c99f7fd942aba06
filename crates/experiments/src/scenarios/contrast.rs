//! What is measured besides the load points, for comparison: another mode, or the same without what
//! makes it special. It is loaded in the same way, for a shorter time, and yields figures instead of results.

use contract::Workload;
use record::{CellResult, Figure, LoadKind, Record};

use super::{BesidePlan, figure, first_load_point, on_each, value};
use crate::plan::Plan;
use bench::work::Work;

/// Share of the measured time that a contrast gets where nothing else is said.
pub const SHARE: f64 = 0.25;

/// Something to compare with.
pub struct Contrast {
    /// What the names of its figures begin with.
    pub name: String,
    /// Says in what it differs, as in "QPS in mode concurrent".
    pub label: String,
    /// What is asked for.
    pub work: Work,
    /// What is connected beside.
    pub beside: Option<BesidePlan>,
    /// Share of the measured time.
    pub share: f64,
}

/// The other modes of the plan's workload, with its parameters.
pub fn other_modes(plan: &Plan) -> Vec<Contrast> {
    let Work::Contract(workload) = &plan.work else {
        return Vec::new();
    };
    let modes = workload.definition().modes.iter();
    modes
        .filter(|mode| mode.name != workload.mode().name)
        .filter_map(|mode| {
            let other = variant(workload, mode.name, parameters(workload))?;
            Some(Contrast::new(
                mode.name,
                &format!("in mode {}", mode.name),
                other,
            ))
        })
        .collect()
}

/// What the names of the figures of a contrast begin with.
pub fn figure_prefix(name: &str) -> String {
    name.replace('-', "_")
}

/// The parameters a workload was asked for with.
pub fn parameters(workload: &Workload) -> String {
    let text = workload.to_string();
    text.split_once('?')
        .map_or_else(String::new, |(_, parameters)| parameters.to_owned())
}

/// The same workload in another mode or with other parameters; `None` where these do not go together.
pub fn variant(workload: &Workload, mode: &str, parameters: String) -> Option<Work> {
    let separate = |separator, text: &str| match text {
        "" => String::new(),
        text => format!("{separator}{text}"),
    };
    let text = format!(
        "{}{}{}",
        workload.name(),
        separate(":", mode),
        separate("?", &parameters)
    );
    text.parse().ok().map(Work::Contract)
}

impl Contrast {
    /// Another work, loaded alike.
    pub fn new(name: &str, label: &str, work: Work) -> Self {
        Self {
            name: figure_prefix(name),
            label: label.to_owned(),
            work,
            beside: None,
            share: SHARE,
        }
    }

    /// The figures that a server's contrast adds to its cell.
    pub fn figures(&self, cell: &CellResult, contrast: &CellResult) -> Vec<Figure> {
        let Self { name, label, .. } = self;
        let ratio = |a: f64, b: f64| (b > 0.0).then(|| a / b);
        let mut figures = Vec::new();
        if cell.load == LoadKind::Closed {
            let (own, other) = (cell.throughput_rps, contrast.throughput_rps);
            figures.push(figure(
                &format!("{name}_throughput"),
                Some(other),
                "requests/s",
                &format!("QPS {label}"),
            ));
            figures.push(figure(
                &format!("throughput_over_{name}"),
                ratio(own, other),
                "1",
                &format!("QPS ÷ QPS {label}"),
            ));
        }
        let (own, other) = (&cell.latency_us, &contrast.latency_us);
        let spread = [
            ("mean", other.mean),
            ("p50", other.p50),
            ("p99", other.p99),
            ("max", other.max),
        ];
        let fields = if cell.load == LoadKind::Open {
            &spread[..]
        } else {
            &spread[..1]
        };
        for &(field, value) in fields {
            let label = format!("{field} latency {label}");
            figures.push(figure(&format!("{name}_{field}"), value, "us", &label));
        }
        figures.push(figure(
            &format!("latency_over_{name}"),
            own.mean
                .zip(other.mean)
                .and_then(|(own, other)| ratio(own, other)),
            "1",
            &format!("mean latency ÷ mean latency {label}"),
        ));
        if contrast.errors.total > 0 {
            figures.push(figure(
                &format!("{name}_errors"),
                Some(contrast.errors.total as f64),
                "1",
                &format!("errors {label}"),
            ));
        }
        figures
    }

    /// A figure of the cell that was measured for contrast, as a figure of the cell it stands beside.
    pub fn named(&self, own: Figure) -> Figure {
        Figure {
            name: format!("{}_{}", self.name, own.name),
            label: format!("{} {}", own.label, self.label),
            ..own
        }
    }

    /// What its figures say.
    pub fn finding(&self, record: &Record) -> Option<String> {
        let of = |name: String| {
            on_each(first_load_point(record), move |cell| {
                value(cell, &name).map(format::ratio)
            })
        };
        let workload = &record.config.workload;
        let label = &self.label;
        let latency = of(format!("latency_over_{}", self.name))?;
        let throughput = of(format!("throughput_over_{}", self.name));
        let throughput = throughput.map_or_else(String::new, |ratios| format!(" QPS {ratios};"));
        Some(format!(
            "{workload} ÷ the same {label}:{throughput} mean latency {latency}."
        ))
    }
}
