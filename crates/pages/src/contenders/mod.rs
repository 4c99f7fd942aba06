//! The article's table beside this machine's, as a document that every format can spell.
//!
//! # Layout
//!
//! - `tables`: its figures.

use record::article::{Reference, source};
use record::contenders::{
    Claim, ClaimKind, Contender, ContendersRecord, LeftOut, ModelCheck, Ranking, Stage, Verdict,
};
use render::document::{Document, Item, Note, Section};
use render::table::{Cell, Column, Layout, Table};

use crate::contenders::tables::{
    as_wrk_prints, claims, clients, cost, measured, more, there_and_here,
};
use crate::notes;
use crate::run::method;

mod tables;

/// What is shown of it.
pub fn document(it: &ContendersRecord) -> Document {
    let reference = Reference::load();
    let mut sections = Vec::new();
    for ranking in &it.standings {
        let mut items = vec![
            Item::Table(there_and_here(ranking, &reference)),
            Item::Table(claims(ranking)),
            Item::Table(clients(it, ranking)),
            Item::Table(cost(it, ranking)),
            Item::Table(as_wrk_prints(it, ranking, &reference)),
        ];
        items.retain(|item| !matches!(item, Item::Table(table) if table.rows.is_empty()));
        sections.push(Section {
            heading: keep_alive_words(ranking.keep_alive).to_owned(),
            folded: false,
            items,
        });
    }
    sections.push(Section {
        heading: "The contenders".to_owned(),
        folded: false,
        items: vec![Item::Table(contenders(&it.contenders))],
    });
    sections.push(Section {
        heading: "Why the published figures are not like for like".to_owned(),
        folded: true,
        items: reference
            .publication
            .caveats
            .items
            .iter()
            .cloned()
            .map(Item::Paragraph)
            .collect(),
    });
    sections.push(Section {
        heading: "How it was measured".to_owned(),
        folded: true,
        items: vec![Item::Table(method::table(&it.record))],
    });
    Document {
        title: format!(
            "The article's table on {}",
            method::machine_line(&it.record.environment)
        ),
        verdict: sentences(it),
        sections,
        warnings: warnings(it),
    }
}

fn keep_alive_words(keep_alive: bool) -> &'static str {
    if keep_alive {
        "Keep-alive on"
    } else {
        "A connection per request"
    }
}

fn sentences(it: &ContendersRecord) -> Vec<String> {
    let mut sentences = Vec::new();
    for ranking in &it.standings {
        sentences.push(order_sentence(ranking));
        let margins = ranking
            .claims
            .iter()
            .filter(|claim| claim.kind == ClaimKind::Margin);
        sentences.extend(margins.map(margin_sentence));
    }
    let left_out = it
        .contenders
        .iter()
        .filter_map(|contender| Some((contender, contender.left_out.as_ref()?)));
    sentences.extend(left_out.map(|(contender, why)| left_out_sentence(contender, why)));
    if it.standings.is_empty() {
        sentences.insert(0, "Nothing was measured.".to_owned());
    }
    sentences
}

fn left_out_sentence(contender: &Contender, why: &LeftOut) -> String {
    let what = match why.stage {
        Stage::Load => "Left out",
        _ => "Not measured",
    };
    let first = why.reason.lines().next().unwrap_or_default();
    format!(
        "{what}: {}, {}: {first}.",
        contender.name,
        why.stage.words()
    )
}

fn order_sentence(ranking: &Ranking) -> String {
    let order: Vec<&Claim> = ranking
        .claims
        .iter()
        .filter(|claim| claim.kind == ClaimKind::Order)
        .collect();
    let count = |verdict| {
        order
            .iter()
            .filter(|claim| claim.verdict == verdict)
            .count()
    };
    format!(
        "{}: of the {} pairs in the order of {}, {} hold here, {} do not, {} cannot be told{}.",
        keep_alive_words(ranking.keep_alive),
        order.len(),
        source(ranking.keep_alive),
        count(Verdict::Holds),
        count(Verdict::DoesNotHold),
        count(Verdict::CannotTell),
        ranking.kendall_tau.map_or_else(String::new, |tau| format!(
            " (Kendall's τ {})",
            format::signed_ratio(tau)
        )),
    )
}

fn margin_sentence(claim: &Claim) -> String {
    let claimed = more(claim.claimed_ratio);
    let about = format!("{} over {}", claim.faster, claim.slower);
    let Some(here) = &claim.here else {
        return format!(
            "{about}: {claimed} in the article; not both were measured here: cannot tell."
        );
    };
    let interval = match (here.low, here.high) {
        _ if claim.in_doubt => "one of the two is in doubt".to_owned(),
        (Some(low), Some(high)) => format!(
            "{} interval {} to {}",
            format::confidence(here.confidence),
            more(low),
            more(high)
        ),
        _ => here.reason.clone().unwrap_or("no interval".to_owned()),
    };
    let ratio = here.ratio.map_or_else(|| "no ratio".to_owned(), more);
    format!(
        "{about}: {claimed} in the article, {ratio} here ({interval}): {}.",
        claim.verdict.words(),
    )
}

fn contenders(contenders: &[Contender]) -> Table {
    let rows = contenders.iter().map(|contender| {
        let tools: Vec<String> = contender
            .tools
            .iter()
            .map(|tool| format!("{} {}", tool.name, tool.version))
            .collect();
        let became = match &contender.left_out {
            None => "measured".to_owned(),
            Some(why) => why.stage.words().to_owned(),
        };
        let mut remarks = contender.settings.clone();
        remarks.extend(contender.note.clone());
        vec![
            Cell::text(&contender.name),
            Cell::text(&contender.title),
            Cell::text(&contender.language),
            Cell::text(tools.join(", ")),
            Cell::text(became),
            Cell::text(remarks.join("; ")),
        ]
    });
    Table {
        id: "contenders".to_owned(),
        title: "The contenders and their settings".to_owned(),
        columns: vec![
            Column::words("Name", 0),
            Column::words("Server", 0),
            Column::words("Language", 0),
            Column::words("Tools", 1),
            Column::words("", 0),
            Column::words("Settings", 2),
        ],
        rows: rows.collect(),
        layout: Layout::Upright,
        notes: Vec::new(),
    }
}

/// The run's own, then contenders that are not what they say.
fn warnings(it: &ContendersRecord) -> Vec<Note> {
    let mut warnings = notes::of(&it.record.warnings);
    for ranking in &it.standings {
        for (place, cell, contender) in measured(it, ranking) {
            if place.model_check == ModelCheck::NotAsDeclared
                && let Some(contender) = contender
                && let Some(threads) = cell.server_resources.threads_peak
            {
                let before = contender.threads_idle.map_or_else(String::new, |threads| {
                    format!(" ({} before)", format::count(threads))
                });
                warnings.push(Note {
                    code: "model".to_owned(),
                    message: format!(
                        "{} is declared as {}, but had {} threads under {} connections{before}",
                        place.server,
                        contender.model.words(),
                        format::count(threads),
                        format::count(u64::from(cell.concurrency)),
                    ),
                });
            }
        }
    }
    warnings
}
