//! `loadgen self-check`: are the figures true on this machine?
//!
//! A scripted peer holds answers back, fails, closes and stalls, and keeps its own account. The load
//! engine measures it without knowing. What the peer knows and what the engine reports stand side by side.

mod checks;

use std::time::Duration;

use anyhow::Context as _;
use engine::{Engine, EngineConfig, Load, Measurement, Slice, SliceEnd, Target};
use report::document::{Document, Item, Section};
use report::format;
use report::table::{Cell, Column, Layout, Table};

use crate::scripted::{Account, Peer, Script};
use crate::{exit, interrupt, output};

/// One figure, known and reported.
pub struct Finding {
    /// What was checked.
    pub figure: String,
    /// What the peer knows, as text.
    pub known: String,
    /// What the engine reported, as text.
    pub reported: String,
    /// Whether they agree.
    pub agrees: bool,
}

/// One situation: a peer, a load, and what must come of it.
struct Situation {
    name: &'static str,
    script: Script,
    stall: Option<(Duration, Duration)>,
    connections: usize,
    load: Load,
    end: SliceEnd,
    findings: fn(&Account, &Measurement) -> Vec<Finding>,
}

/// Runs all situations and prints what came of them.
///
/// # Errors
/// When a peer or the engine cannot be started.
pub fn run() -> anyhow::Result<u8> {
    interrupt::install()?;
    let mut rows = Vec::new();
    let mut wrong = 0;
    for situation in checks::SITUATIONS {
        let (account, measurement) =
            measure(situation).with_context(|| situation.name.to_owned())?;
        if interrupt::requested() {
            return Ok(exit::INTERRUPTED);
        }
        let findings = (situation.findings)(&account, &measurement);
        wrong += findings.iter().filter(|finding| !finding.agrees).count();
        rows.extend(findings.iter().enumerate().map(|(row, finding)| {
            let name = if row == 0 { situation.name } else { "" };
            let verdict = if finding.agrees { "agrees" } else { "DIFFERS" };
            [
                name,
                &finding.figure,
                &finding.known,
                &finding.reported,
                verdict,
            ]
            .map(Cell::text)
            .to_vec()
        }));
    }
    output::print_document(&document(rows, wrong))?;
    Ok(if wrong == 0 {
        exit::MEASURED
    } else {
        exit::TOO_MANY_ERRORS
    })
}

fn document(rows: Vec<Vec<Cell>>, wrong: usize) -> Document {
    let verdict = match wrong {
        0 => format!(
            "All {} figures agree with what the peer knows: measurements are true on this machine.",
            rows.len()
        ),
        _ => format!(
            "{wrong} of {} figures differ from what the peer knows: do not trust measurements here.",
            rows.len()
        ),
    };
    let table = Table {
        id: "self_check".to_owned(),
        title: "A scripted peer, known against reported".to_owned(),
        columns: vec![
            Column::words("situation", 0),
            Column::words("figure", 0),
            Column::figures("known", 0),
            Column::figures("reported", 0),
            Column::words("", 0),
        ],
        rows,
        layout: Layout::Upright,
        notes: Vec::new(),
    };
    Document {
        title: "Self-check".to_owned(),
        verdict: vec![verdict],
        sections: vec![Section {
            heading: "Known against reported".to_owned(),
            folded: false,
            items: vec![Item::Table(table)],
        }],
        warnings: Vec::new(),
    }
}

fn measure(situation: &Situation) -> anyhow::Result<(Account, Measurement)> {
    let peer = Peer::start(situation.script).context("cannot start the scripted peer")?;
    let mut engine = Engine::start(EngineConfig {
        threads: 1,
        timeout: Duration::from_secs(5),
        ..EngineConfig::default()
    })?;
    interrupt::cancels(engine.cancel_handle());
    let target = engine.connect(Target::get(
        situation.name,
        &peer.url(),
        "/",
        situation.connections,
    ))?;
    if let Some((after, length)) = situation.stall {
        peer.stall(after, length);
    }
    engine.run_slice(&Slice {
        loads: vec![(target, situation.load)],
        lead_in: Duration::ZERO,
        end: situation.end,
    })?;
    let measurement = engine.collect(target)?;
    Ok((peer.account(), measurement))
}

/// Two numbers of things: they must be the same.
fn same_count(figure: &str, known: u64, reported: u64) -> Finding {
    Finding {
        figure: figure.to_owned(),
        known: format::count(known),
        reported: format::count(reported),
        agrees: known == reported,
    }
}

/// Two times in nanoseconds: reported may be longer by the way there and back, and by `slack`.
fn same_time(figure: &str, known_ns: f64, reported_ns: f64, slack: Duration) -> Finding {
    /// Bucket width of the histogram (3 significant digits), and the clocks' reading order.
    const SHORTER: f64 = 0.998;
    let longest = known_ns * 1.02 + slack.as_nanos() as f64;
    Finding {
        figure: figure.to_owned(),
        known: format::duration_us(known_ns / 1e3),
        reported: format::duration_us(reported_ns / 1e3),
        agrees: (known_ns * SHORTER..=longest).contains(&reported_ns),
    }
}
