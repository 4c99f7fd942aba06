//! The article's table made again: what is derived, what is shown, and that it survives its file.

use std::path::Path;

use crate::support::CellSpec;
use analysis::contenders::with_standings;
use pages::contenders::document;
use record::ErrorCounts;
use record::contenders::{
    ClaimKind, Contender, ContendersRecord, Doubt, LeftOut, Model, ModelCheck, Place, Ranking,
    Stage, Verdict,
};
use render::RenderOptions;

/// Name, the article's row, model, throughput, threads under load.
const SERVERS: [(&str, Option<&str>, Model, f64, u64); 8] = [
    (
        "tokio",
        Some("Tokio"),
        Model::WorkStealingTasks,
        180_000.0,
        5,
    ),
    (
        "hyperlane",
        Some("Hyperlane"),
        Model::WorkStealingTasks,
        150_000.0,
        5,
    ),
    (
        "rocket",
        Some("Rocket"),
        Model::WorkStealingTasks,
        90_000.0,
        7,
    ),
    (
        "rust-std",
        Some("Rust Std"),
        Model::ThreadPerConnection,
        120_000.0,
        362,
    ),
    ("gin", Some("Gin"), Model::Coroutines, 75_000.0, 8),
    ("go-std", Some("Go Std"), Model::Coroutines, 76_000.0, 8),
    ("node", Some("Node.js"), Model::EventLoop, 30_000.0, 11),
    ("spring", None, Model::VirtualThreads, 40_000.0, 400),
];

fn cells(keep_alive: bool) -> Vec<CellSpec> {
    SERVERS
        .iter()
        .map(|&(server, _, _, throughput_rps, threads)| CellSpec {
            server,
            throughput_rps,
            median_us: 0.938 * 360.0 / throughput_rps * 1e6,
            threads,
            keep_alive,
            ..CellSpec::default()
        })
        .collect()
}

fn contenders() -> Vec<Contender> {
    let contender = |(name, article, model): (&str, Option<&str>, Model)| Contender {
        name: name.to_owned(),
        title: name.to_uppercase(),
        language: "Rust".to_owned(),
        model,
        article: article.map(str::to_owned),
        settings: vec!["its defaults".to_owned()],
        threads_idle: Some(4),
        ..Contender::default()
    };
    let mut all: Vec<Contender> = SERVERS
        .iter()
        .map(|&(name, article, model, ..)| contender((name, article, model)))
        .collect();
    all.push(Contender {
        left_out: Some(LeftOut {
            stage: Stage::Answers,
            reason: "GET / is answered wrongly\nwith more".to_owned(),
        }),
        ..contender(("loom", None, Model::VirtualThreads))
    });
    all
}

fn article() -> ContendersRecord {
    with_standings(crate::support::record(&cells(true)), contenders())
}

fn verdict(ranking: &Ranking, kind: ClaimKind, faster: &str, slower: &str) -> Verdict {
    let mut claims = ranking.claims.iter();
    claims
        .find(|claim| claim.kind == kind && claim.faster == faster && claim.slower == slower)
        .unwrap_or_else(|| panic!("no claim about {faster} and {slower}"))
        .verdict
}

#[test]
fn order_and_margins_are_judged_by_intervals() {
    let article = article();
    let ranking = &article.standings[0];
    let order = |faster, slower| verdict(ranking, ClaimKind::Order, faster, slower);
    assert_eq!(order("Tokio", "Hyperlane"), Verdict::Holds);
    assert_eq!(order("Rocket", "Rust Std"), Verdict::DoesNotHold);
    assert_eq!(order("Gin", "Go Std"), Verdict::CannotTell);
    let margin = |slower| verdict(ranking, ClaimKind::Margin, "Hyperlane", slower);
    assert_eq!(margin("Node.js"), Verdict::Holds);
    assert_eq!(margin("Gin"), Verdict::Holds);
    // Two of 21 pairs disagree: Rocket and Rust Std, Gin and Go Std.
    let tau = ranking.kendall_tau.expect("seven frameworks");
    assert!((tau - 17.0 / 21.0).abs() < 1e-9, "{tau}");
}

#[test]
fn ranks_are_among_the_article_and_among_all() {
    let article = article();
    let ranking = &article.standings[0];
    let rocket = &ranking.rows[2];
    assert_eq!((rocket.rank_there, rocket.rank_here), (3, Some(4)));
    let relative = rocket.relative_here.expect("Rust Std was measured");
    assert!((relative / 0.75 - 1.0).abs() < 0.1, "{relative}");
    let order: Vec<_> = ranking.places.iter().map(|it| it.server.as_str()).collect();
    assert_eq!(order[..3], ["tokio", "hyperlane", "rust-std"]);
    assert_eq!(order[6..], ["spring", "node"]);
}

fn place<'a>(ranking: &'a Ranking, server: &str) -> &'a Place {
    let mut places = ranking.places.iter();
    places.find(|it| it.server == server).expect("a place")
}

/// What is said of a model when a server has so many threads on this many cores.
fn check(
    model: Model,
    pool_threads: Option<u32>,
    threads: u64,
    (keep_alive, cores): (bool, u32),
) -> ModelCheck {
    let cell = CellSpec {
        server: "it",
        threads,
        keep_alive,
        ..CellSpec::default()
    };
    let mut record = crate::support::record(&[cell]);
    record.environment.cores = cores;
    let contender = Contender {
        name: "it".to_owned(),
        model,
        pool_threads,
        ..Contender::default()
    };
    let article = with_standings(record, vec![contender]);
    place(&article.standings[0], "it").model_check
}

#[test]
fn models_are_counted_not_believed() {
    use Model::{Coroutines, EventLoop, ThreadPerConnection, ThreadPool};
    use ModelCheck::{AsDeclared, CannotTell, NotAsDeclared};
    let small = (true, 2);
    for (model, pool, threads, host, expected) in [
        (ThreadPerConnection, None, 362, small, AsDeclared),
        (ThreadPerConnection, None, 40, small, NotAsDeclared),
        (EventLoop, None, 33, small, AsDeclared),
        // It may have had them before its first connection: they are too many all the same.
        (EventLoop, None, 200, small, NotAsDeclared),
        // A runtime has more threads on more cores; a thread for each connection would not show there.
        (Coroutines, None, 200, (true, 64), AsDeclared),
        (Coroutines, None, 362, (true, 64), CannotTell),
        (ThreadPool, Some(200), 225, small, AsDeclared),
        (ThreadPool, Some(200), 362, small, NotAsDeclared),
        (ThreadPool, Some(200), 11, small, CannotTell),
        (ThreadPool, Some(10_000), 362, small, CannotTell),
        (ThreadPerConnection, None, 40, (false, 2), CannotTell),
    ] {
        let said = check(model, pool, threads, host);
        assert_eq!(
            said, expected,
            "{model:?} of {pool:?}, {threads} threads, {host:?}"
        );
    }
}

#[test]
fn a_model_that_does_not_fit_is_warned_about() {
    let article = article();
    let spring = place(&article.standings[0], "spring");
    assert_eq!(spring.model_check, ModelCheck::NotAsDeclared);
    let warnings = document(&article).warnings;
    let told = warnings.iter().filter(|warning| warning.code == "model");
    assert_eq!(told.count(), 1);
}

/// One server's connections are not all accounted for, one answers wrongly, one does not last, one refuses.
fn in_doubt() -> ContendersRecord {
    let mut cells = cells(true);
    for cell in &mut cells {
        match cell.server {
            "hyperlane" => cell.median_us /= 2.0,
            "gin" => {
                cell.errors = ErrorCounts {
                    total: 3,
                    body: 3,
                    ..ErrorCounts::default()
                }
            }
            "spring" => {
                cell.errors = ErrorCounts {
                    total: 1_000_000,
                    connect: 1_000_000,
                    ..ErrorCounts::default()
                }
            }
            _ => {}
        }
    }
    let mut record = crate::support::record(&cells);
    let rocket = record.results.iter_mut().find(|it| it.server == "rocket");
    rocket.expect("a cell").blocks.truncate(2);
    let mut contenders = contenders();
    let rocket = contenders.iter_mut().find(|it| it.name == "rocket");
    rocket.expect("a contender").left_out = Some(LeftOut {
        stage: Stage::Load,
        reason: "it ended".to_owned(),
    });
    with_standings(record, contenders)
}

#[test]
fn what_is_in_doubt_has_no_rank_and_decides_no_claim() {
    let article = in_doubt();
    let ranking = &article.standings[0];
    for (server, doubt) in [
        ("hyperlane", Some(Doubt::NotAccountedFor)),
        ("gin", Some(Doubt::WrongAnswers)),
        ("rocket", Some(Doubt::Failed)),
        ("spring", Some(Doubt::Errors)),
        ("tokio", None),
    ] {
        let place = place(ranking, server);
        assert_eq!(place.doubt, doubt, "{server}");
        assert_eq!(place.rank.is_none(), doubt.is_some(), "{server}");
    }
    let ranks: Vec<_> = ranking.places.iter().map(|place| place.rank).collect();
    let sure = (1..=4).map(Some);
    assert_eq!(ranks, sure.chain([None; 4]).collect::<Vec<_>>());
    let ranks: Vec<_> = ranking.rows.iter().map(|row| row.rank_here).collect();
    assert_eq!(
        ranks,
        [Some(1), None, None, Some(2), None, Some(3), Some(4)]
    );
    for claim in &ranking.claims {
        let involves = |name: &str| claim.faster == name || claim.slower == name;
        let in_doubt = ["Hyperlane", "Gin", "Rocket"].into_iter().any(involves);
        assert_eq!(claim.in_doubt, in_doubt, "{claim:?}");
        assert!(
            !in_doubt || claim.verdict == Verdict::CannotTell,
            "{claim:?}"
        );
    }
    let order = verdict(ranking, ClaimKind::Order, "Tokio", "Node.js");
    assert_eq!(order, Verdict::Holds);
}

#[test]
fn what_is_in_doubt_is_marked_and_explained() {
    let options = RenderOptions::default();
    let text = render::markdown::render(&document(&in_doubt()), &options).text;
    for part in [
        "| 150,000 † | 1.25 | – |",
        "Tokio above Hyperlane †",
        "hyperlane †",
        "† In doubt",
        "rocket: failed under load. gin: not all answers were right. spring: more than one request in a hundred failed. hyperlane: throughput",
        "Left out: rocket, failed under load: it ended.",
        "one of the two is in doubt",
    ] {
        assert!(text.contains(part), "{part} is missing: {text}");
    }
    let cost = text.split("What it took").nth(1).expect("a table");
    let cores_of = |server: &str| {
        let row = cost.lines().find(|line| line.contains(server));
        row.and_then(|row| row.split(" | ").nth(2))
            .map(str::to_owned)
    };
    assert_eq!(cores_of("hyperlane").as_deref(), Some("–"));
    assert_eq!(cores_of("tokio").as_deref(), Some("2.16"));
}

#[test]
fn a_reference_in_doubt_is_no_reference() {
    let mut cells = cells(true);
    let rust_std = cells.iter_mut().find(|it| it.server == "rust-std");
    rust_std.expect("a cell").median_us /= 2.0;
    let article = with_standings(crate::support::record(&cells), contenders());
    let ranking = &article.standings[0];
    assert!(ranking.places.iter().all(|place| place.relative.is_none()));
    assert!(ranking.rows.iter().all(|row| row.relative_here.is_none()));
}

#[test]
fn frameworks_that_were_not_measured_leave_claims_open() {
    let mut cells = cells(true);
    cells.retain(|cell| cell.server != "hyperlane" && cell.server != "rust-std");
    let article = with_standings(crate::support::record(&cells), contenders());
    let ranking = &article.standings[0];
    assert_eq!(
        verdict(ranking, ClaimKind::Margin, "Hyperlane", "Gin"),
        Verdict::CannotTell
    );
    assert_eq!(ranking.rows[1].rank_here, None);
    assert_eq!(ranking.rows[0].relative_here, None);
    assert!(ranking.places.iter().all(|place| place.relative.is_none()));
    let shown = document(&article).verdict.join("\n");
    assert!(shown.contains("not both were measured here"), "{shown}");
}

#[test]
fn each_keep_alive_has_its_own_order_and_the_article_states_margins_for_one() {
    let both = [cells(true), cells(false)].concat();
    let article = with_standings(crate::support::record(&both), contenders());
    let counts: Vec<_> = article
        .standings
        .iter()
        .map(|ranking| (ranking.keep_alive, ranking.claims.len()))
        .collect();
    assert_eq!(counts, [(true, 24), (false, 21)]);
    assert_eq!(article.standings[1].rows[0].framework, "Hyperlane");
    let options = RenderOptions::default();
    let shown = render::markdown::render(&document(&article), &options).text;
    let (_, off) = shown
        .split_once("## A connection")
        .expect("a part of its own");
    let (off, _) = off.split_once("## The contenders").expect("it ends");
    for words in ["The article's", "What the article", "of the article"] {
        assert!(
            !off.contains(words),
            "it printed none of these figures: {off}"
        );
    }
    assert!(off.contains("eastspire/web"), "{off}");
}

#[test]
fn it_survives_its_file_and_reads_as_an_ordinary_record() {
    let article = article();
    let text = render::json::render(&article);
    let path = Path::new("article.json");
    let back = ContendersRecord::parse(text.as_bytes(), path).expect("it reads back");
    assert_eq!(back, article);
    let kept = record::any::parse(text.as_bytes(), path).expect("of any kind");
    let shown = pages::any::render(&kept, render::Format::Text, &RenderOptions::default());
    let page = render::text::render(&document(&article), &RenderOptions::default());
    assert_eq!(shown.text, page);
    let record: record::Record =
        record::file::parse(text.as_bytes(), path).expect("an ordinary record");
    assert_eq!(record, article.record);
    let plain = render::json::render(&crate::support::record(&cells(true)));
    let error = ContendersRecord::parse(plain.as_bytes(), path).expect_err("no contenders");
    assert!(error.to_string().contains("contenders"), "{error}");
}

#[test]
fn shown_in_100_columns() {
    let text = render::text::render(&document(&article()), &RenderOptions::default());
    insta::assert_snapshot!(text);
}
