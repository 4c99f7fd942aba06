//! `loadgen self-check`: are the figures true on this machine?
//!
//! Servers of known delays, pauses, losses and errors are measured by a load generator that does not know them, and it
//! is itself stopped, and kept from the CPU. What is known and what is reported stand side by side. [`mod@slice`] checks the
//! bare engine, [`waits`] that waits are equal, [`compared`] comparisons as they are always made, [`disturbed`] what a run must notice by itself.

mod child;
mod compared;
mod disturbed;
mod finding;
mod slice;
mod waits;

use analysis::comparisons::is_contended;
use anyhow::Context as _;
use clap::Args;
use render::document::{Document, Item, Section};
use render::table::{Cell, Column, Layout, Table};

use crate::{exit, output};
use bench::interrupt;
use finding::{Agreement, Finding};

/// A situation that other programs disturbed is tried so often.
const TRIES: u32 = 2;

/// Flags of `loadgen self-check`.
#[derive(Debug, Args)]
pub struct SelfCheckArgs {
    /// Only the bare load engine, in 15 seconds: no comparisons, and nothing that needs a quiet machine
    #[arg(long)]
    pub quick: bool,
}

/// One situation, and what must come of it.
struct Situation {
    name: &'static str,
    check: Box<dyn Fn() -> anyhow::Result<Observations>>,
}

/// What came of a situation.
struct Observations {
    findings: Vec<Finding>,
    /// Share of the machine that other programs used meanwhile, in percent.
    others_percent: Option<f64>,
}

impl Observations {
    fn is_disturbed(&self) -> bool {
        is_contended(self.others_percent)
    }

    /// A figure that differs beside other programs' work says nothing of the load generator.
    fn agreement(&self, finding: &Finding) -> Agreement {
        match finding.agreement {
            Agreement::Differs if self.is_disturbed() => Agreement::Unclear,
            agreement => agreement,
        }
    }

    fn agrees(&self) -> bool {
        self.count(Agreement::Agrees) == self.findings.len()
    }

    fn count(&self, agreement: Agreement) -> usize {
        let findings = self.findings.iter();
        findings
            .filter(|finding| self.agreement(finding) == agreement)
            .count()
    }
}

/// Runs all situations and prints what came of them.
///
/// # Errors
/// When a server or the engine cannot be started.
pub fn run(args: &SelfCheckArgs) -> anyhow::Result<u8> {
    interrupt::install()?;
    let mut situations: Vec<Situation> = slice::situations().collect();
    if !args.quick {
        situations.extend(waits::situations());
        situations.extend(compared::situations().chain(disturbed::situations()));
    }
    let mut all = Vec::with_capacity(situations.len());
    for situation in &situations {
        bench::stderr::progress(false, situation.name);
        let observations = settled(situation);
        if interrupt::requested() {
            return Ok(exit::INTERRUPTED);
        }
        all.push((situation.name, observations.context(situation.name)?));
    }
    output::print_document(&document(&all))?;
    let sum = |agreement| {
        all.iter()
            .map(|(_, observations)| observations.count(agreement))
            .sum::<usize>()
    };
    Ok(match (sum(Agreement::Differs), sum(Agreement::Unclear)) {
        (0, 0) => exit::MEASURED,
        (0, _) => exit::TOO_BUSY,
        _ => exit::TOO_MANY_ERRORS,
    })
}

/// What came of a situation; tried again while other programs may be why it is not as it should be.
fn settled(situation: &Situation) -> anyhow::Result<Observations> {
    let mut observations = (situation.check)()?;
    for _ in 1..TRIES {
        let is_undecided = observations.count(Agreement::Unclear) > 0;
        if !is_undecided || interrupt::requested() {
            break;
        }
        observations = (situation.check)()?;
    }
    Ok(observations)
}

fn document(all: &[(&str, Observations)]) -> Document {
    let table = Table {
        id: "self_check".to_owned(),
        title: "Known against reported".to_owned(),
        columns: vec![
            Column::words("situation", 0),
            Column::words("figure", 0),
            Column::figures("known", 0),
            Column::figures("reported", 0),
            Column::words("", 0),
        ],
        rows: all
            .iter()
            .flat_map(|(name, observations)| rows(name, observations))
            .collect(),
        layout: Layout::Upright,
        notes: Vec::new(),
    };
    Document {
        title: "Self-check".to_owned(),
        verdict: vec![verdict(all)],
        sections: vec![Section {
            heading: "Known against reported".to_owned(),
            folded: false,
            items: vec![Item::Table(table)],
        }],
        warnings: Vec::new(),
    }
}

fn rows(name: &str, observations: &Observations) -> Vec<Vec<Cell>> {
    let findings = observations.findings.iter().enumerate();
    findings
        .map(|(row, finding)| {
            let name = if row == 0 { name } else { "" };
            let verdict = match observations.agreement(finding) {
                Agreement::Agrees => "agrees",
                Agreement::Unclear => "too busy to tell",
                Agreement::Differs => "DIFFERS",
            };
            [
                name,
                &finding.figure,
                &finding.known,
                &finding.reported,
                verdict,
            ]
            .map(Cell::text)
            .to_vec()
        })
        .collect()
}

fn verdict(all: &[(&str, Observations)]) -> String {
    let sum = |agreement| {
        all.iter()
            .map(|(_, observations)| observations.count(agreement))
            .sum::<usize>()
    };
    let figures: usize = all
        .iter()
        .map(|(_, observations)| observations.findings.len())
        .sum();
    let others = all
        .iter()
        .filter(|(_, observations)| !observations.agrees());
    let others = others.filter_map(|(_, observations)| observations.others_percent);
    let others = others.reduce(f64::max).map_or_else(String::new, |percent| {
        format!(
            " (other programs used up to {} of it)",
            format::percent(percent)
        )
    });
    match (sum(Agreement::Differs), sum(Agreement::Unclear)) {
        (0, 0) => format!(
            "All {figures} figures agree with what is known: measurements are true on this machine."
        ),
        (0, unclear) => format!(
            "The machine is too busy to tell{others}: {unclear} of {figures} figures scatter too much, the others agree with what is known."
        ),
        (wrong, _) => format!(
            "{wrong} of {figures} figures differ from what is known: do not trust measurements here."
        ),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn observations(others_percent: Option<f64>, reported: u64) -> Observations {
        Observations {
            findings: vec![
                Finding::count("requests", 7, 7),
                Finding::count("errors", 3, reported),
            ],
            others_percent,
        }
    }

    #[test]
    fn beside_other_programs_a_difference_says_nothing_and_agreement_does() {
        let told =
            |others_percent, reported| verdict(&[("it", observations(others_percent, reported))]);
        assert!(told(Some(60.0), 3).starts_with("All 2 figures agree"));
        assert!(told(None, 4).starts_with("1 of 2 figures differ"));
        assert!(told(Some(0.0), 4).starts_with("1 of 2 figures differ"));
        let busy = told(Some(60.0), 4);
        assert!(
            busy.starts_with("The machine is too busy to tell"),
            "{busy}"
        );
        assert!(busy.contains("60 %"), "{busy}");
    }

    #[test]
    fn a_situation_is_tried_again_only_where_it_was_disturbed() {
        let tries = |others_percent: Option<f64>| {
            let count = std::rc::Rc::new(std::cell::Cell::new(0));
            let counted = std::rc::Rc::clone(&count);
            let situation = Situation {
                name: "it",
                check: Box::new(move || {
                    counted.set(counted.get() + 1);
                    Ok(observations(others_percent, 4))
                }),
            };
            settled(&situation).unwrap();
            count.get()
        };
        assert_eq!((tries(Some(60.0)), tries(Some(0.0))), (TRIES, 1));
    }
}
