//! Progress on standard error: a bar per server on a terminal, plain lines elsewhere.

use std::io::IsTerminal as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use engine::LiveView;
use indicatif::{MultiProgress, ProgressBar, ProgressStyle};

use crate::plan::{LoadPoint, Plan};
use crate::scenarios::fitted;
use bench::cells::Cell;
use bench::schedule::Schedule;
use bench::stderr::say;

const REFRESH: Duration = Duration::from_millis(250);

/// What shows how far the run is.
pub enum Progress {
    /// Nothing (`--quiet`).
    Quiet,
    /// Lines.
    Lines(Lines),
    /// Bars, refreshed by a thread.
    Bars(Bars),
}

/// Plain lines: one per load point and one per block.
pub struct Lines {
    blocks: u32,
}

/// A bar per server.
pub struct Bars {
    all: MultiProgress,
    bars: Vec<(String, ProgressBar)>,
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
    /// What stands before each server's live figures.
    phase: Arc<Mutex<String>>,
}

impl Progress {
    /// Says how long the run takes, and from then on how far it is.
    pub fn new(plan: &Plan, live: LiveView) -> Self {
        if plan.quiet {
            return Self::Quiet;
        }
        say(&opening(plan));
        if std::io::stderr().is_terminal() {
            Self::Bars(Bars::start(plan, live))
        } else {
            Self::Lines(Lines { blocks: 0 })
        }
    }

    /// A server is loaded without being measured.
    pub fn warming_up(&mut self, server: &str) {
        match self {
            Self::Bars(bars) => bars.set_phase(&format!("warming up {server}")),
            Self::Quiet | Self::Lines(_) => {}
        }
    }

    /// A load point begins.
    pub fn measuring(&mut self, point: LoadPoint, schedule: &Schedule) {
        let what = match point {
            LoadPoint::Saturated => "saturated",
            LoadPoint::Rate(_) => "at the rate asked for",
            LoadPoint::SameRate => "at the same rate",
        };
        let steps = schedule.blocks.len();
        let (blocks, cut) = match schedule.cut() {
            Ok(cut) => (
                cut.blocks,
                format!(
                    "{} of {} of {} for each server",
                    format::counted(u64::from(cut.blocks), "block"),
                    format::counted(u64::from(cut.slices_per_block), "slice"),
                    format::duration_us(cut.slice.as_secs_f64() * 1e6)
                ),
            ),
            Err(requests) => (1, format!("{} each", format::counted(requests, "request"))),
        };
        let time = schedule.whole_time().map_or_else(String::new, |time| {
            format!(", about {}", format::seconds(time.as_secs_f64().ceil()))
        });
        let cut = cut + &time;
        match self {
            Self::Quiet => {}
            Self::Lines(lines) => {
                lines.blocks = blocks;
                say(&format!("{what}: {cut}"));
            }
            Self::Bars(bars) => {
                bars.set_phase(what);
                for (_, bar) in &bars.bars {
                    bar.set_length(steps as u64);
                    bar.set_position(0);
                }
            }
        }
    }

    /// A block has been measured.
    pub fn block_done(&mut self, index: u32, cells: &[Cell]) {
        match self {
            Self::Quiet => {}
            Self::Lines(lines) => {
                let so_far = cells
                    .iter()
                    .filter_map(|cell| Some((cell.server(), cell.throughput_rps()?)));
                let so_far: Vec<_> = so_far
                    .map(|(name, rps)| format!("{name} {}/s", format::per_second(rps)))
                    .collect();
                let so_far = match so_far.is_empty() {
                    true => String::new(),
                    false => format!(": so far {}", so_far.join(", ")),
                };
                say(&format!("block {} of {}{so_far}", index + 1, lines.blocks));
            }
            Self::Bars(bars) => bars.bars.iter().for_each(|(_, bar)| bar.inc(1)),
        }
    }
}

impl Bars {
    fn start(plan: &Plan, live: LiveView) -> Self {
        let all = MultiProgress::new();
        let width = plan
            .servers
            .iter()
            .map(|server| server.label.len())
            .max()
            .unwrap_or(0);
        let style = ProgressStyle::with_template("{prefix} {bar:16} {wide_msg}")
            .unwrap_or_else(|_| ProgressStyle::default_bar())
            .progress_chars("━╸ ");
        let bar_of = |label: &String| {
            let bar = all.add(ProgressBar::new(1).with_style(style.clone()));
            bar.set_prefix(format!("{label:width$}"));
            (label.clone(), bar)
        };
        let bars: Vec<_> = plan
            .servers
            .iter()
            .map(|server| bar_of(&server.label))
            .collect();
        let stop = Arc::new(AtomicBool::new(false));
        let phase = Arc::new(Mutex::new(String::new()));
        let thread = std::thread::spawn({
            let (bars, stop, phase) = (bars.clone(), Arc::clone(&stop), Arc::clone(&phase));
            move || {
                while !stop.load(Ordering::Relaxed) {
                    let phase = phase.lock().unwrap_or_else(PoisonError::into_inner).clone();
                    for (name, bar) in &bars {
                        bar.set_message(live_figures(&live, name, &phase));
                    }
                    std::thread::sleep(REFRESH);
                }
            }
        });
        Self {
            all,
            bars,
            stop,
            thread: Some(thread),
            phase,
        }
    }

    fn set_phase(&self, phase: &str) {
        phase.clone_into(&mut self.phase.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Drop for Bars {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            thread.join().ok();
        }
        self.all.clear().ok(); // what is left of the bars says nothing that the result does not
    }
}

fn live_figures(live: &LiveView, name: &str, phase: &str) -> String {
    let targets = live.targets();
    let Some(target) = targets.iter().find(|target| target.name == name) else {
        return phase.to_owned();
    };
    let qps = target
        .qps
        .map(|qps| format!("{}/s", format::per_second(qps)));
    let p99 = target
        .p99_ns
        .map(|ns| format!("p99 {}", format::duration_us(ns as f64 / 1e3)));
    let errors = format::counted(target.errors, "error");
    let known = [Some(phase.to_owned()), qps, p99, Some(errors)];
    let known: Vec<String> = known.into_iter().flatten().collect();
    known.join("  ")
}

fn opening(plan: &Plan) -> String {
    let names: Vec<_> = plan
        .servers
        .iter()
        .map(|server| server.label.as_str())
        .collect();
    let time = fitted::estimated_time(plan).map_or_else(String::new, |time| {
        format!(
            ", at least {} of warming up and measuring",
            format::seconds(time.as_secs_f64().ceil())
        )
    });
    format!(
        "{}: {}, {} connections{time}",
        plan.work.name(),
        names.join(", "),
        plan.concurrency
    )
}

/// A bar for something that takes about so long.
pub fn time_bar(total: Duration) -> ProgressBar {
    let style = ProgressStyle::with_template("{elapsed} {bar:24} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar());
    let bar = ProgressBar::new(total.as_secs().max(1)).with_style(style.progress_chars("━╸ "));
    bar.enable_steady_tick(REFRESH);
    bar
}

/// `12:05 min`.
pub fn minutes(time: Duration) -> String {
    let seconds = time.as_secs_f64().round() as u64;
    format!("{}:{:02} min", seconds / 60, seconds % 60)
}
