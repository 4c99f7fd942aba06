//! The article's table made again: what is derived, what is shown, and that it survives its file.

mod support;

use std::path::Path;

use report::RenderOptions;
use report::contenders::{
    ClaimKind, Contender, ContendersRecord, LeftOut, Model, ModelCheck, Stage, Standing, Verdict,
};
use support::CellSpec;

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
    ContendersRecord::new(support::record(&cells(true)), contenders())
}

fn verdict(standing: &Standing, kind: ClaimKind, faster: &str, slower: &str) -> Verdict {
    let mut claims = standing.claims.iter();
    claims
        .find(|claim| claim.kind == kind && claim.faster == faster && claim.slower == slower)
        .unwrap_or_else(|| panic!("no claim about {faster} and {slower}"))
        .verdict
}

#[test]
fn order_and_margins_are_judged_by_intervals() {
    let article = article();
    let standing = &article.standings[0];
    let order = |faster, slower| verdict(standing, ClaimKind::Order, faster, slower);
    assert_eq!(order("Tokio", "Hyperlane"), Verdict::Holds);
    assert_eq!(order("Rocket", "Rust Std"), Verdict::DoesNotHold);
    assert_eq!(order("Gin", "Go Std"), Verdict::CannotTell);
    let margin = |slower| verdict(standing, ClaimKind::Margin, "Hyperlane", slower);
    assert_eq!(margin("Node.js"), Verdict::Holds);
    assert_eq!(margin("Gin"), Verdict::Holds);
    // Two of 21 pairs disagree: Rocket and Rust Std, Gin and Go Std.
    let tau = standing.kendall_tau.expect("seven frameworks");
    assert!((tau - 17.0 / 21.0).abs() < 1e-9, "{tau}");
}

#[test]
fn ranks_are_among_the_article_and_among_all() {
    let article = article();
    let standing = &article.standings[0];
    let rocket = &standing.rows[2];
    assert_eq!((rocket.rank_there, rocket.rank_here), (3, Some(4)));
    let relative = rocket.relative_here.expect("Rust Std was measured");
    assert!((relative / 0.75 - 1.0).abs() < 0.1, "{relative}");
    let order: Vec<_> = standing
        .places
        .iter()
        .map(|it| it.server.as_str())
        .collect();
    assert_eq!(order[..3], ["tokio", "hyperlane", "rust-std"]);
    assert_eq!(order[6..], ["spring", "node"]);
}

#[test]
fn models_are_counted_not_believed() {
    let article = article();
    let check = |article: &ContendersRecord, server: &str| {
        let mut places = article.standings[0].places.iter();
        places
            .find(|it| it.server == server)
            .expect("a place")
            .model_check
    };
    assert_eq!(check(&article, "rust-std"), ModelCheck::AsDeclared);
    assert_eq!(check(&article, "node"), ModelCheck::AsDeclared);
    assert_eq!(check(&article, "spring"), ModelCheck::NotAsDeclared);
    let warnings = article.document().warnings;
    let told = warnings.iter().filter(|warning| warning.code == "model");
    assert_eq!(told.count(), 1);

    let mut pool = contenders();
    for contender in &mut pool {
        contender.model = Model::ThreadPool;
        contender.pool_threads = Some(200);
    }
    let pool = ContendersRecord::new(support::record(&cells(true)), pool);
    assert_eq!(check(&pool, "rust-std"), ModelCheck::NotAsDeclared);
    assert_eq!(check(&pool, "node"), ModelCheck::AsDeclared);
}

#[test]
fn frameworks_that_were_not_measured_leave_claims_open() {
    let mut cells = cells(true);
    cells.retain(|cell| cell.server != "hyperlane" && cell.server != "rust-std");
    let article = ContendersRecord::new(support::record(&cells), contenders());
    let standing = &article.standings[0];
    assert_eq!(
        verdict(standing, ClaimKind::Margin, "Hyperlane", "Gin"),
        Verdict::CannotTell
    );
    assert_eq!(standing.rows[1].rank_here, None);
    assert_eq!(standing.rows[0].relative_here, None);
    assert!(standing.places.iter().all(|place| place.relative.is_none()));
    let shown = article.document().verdict.join("\n");
    assert!(shown.contains("not both were measured here"), "{shown}");
}

#[test]
fn each_keep_alive_has_its_own_order_and_the_article_states_margins_for_one() {
    let both = [cells(true), cells(false)].concat();
    let article = ContendersRecord::new(support::record(&both), contenders());
    let counts: Vec<_> = article
        .standings
        .iter()
        .map(|standing| (standing.keep_alive, standing.claims.len()))
        .collect();
    assert_eq!(counts, [(true, 24), (false, 21)]);
    assert_eq!(article.standings[1].rows[0].framework, "Hyperlane");
}

#[test]
fn it_survives_its_file_and_reads_as_an_ordinary_record() {
    let article = article();
    let text = report::render::json::render(&article);
    let path = Path::new("article.json");
    let back = ContendersRecord::parse(text.as_bytes(), path).expect("it reads back");
    assert_eq!(back, article);
    let kept = report::kept::parse(text.as_bytes(), path).expect("of any kind");
    let shown = kept.render(report::Format::Text, &RenderOptions::default());
    let page = report::render::text::render(&article.document(), &RenderOptions::default());
    assert_eq!(shown.text, page);
    let record: report::record::Record =
        report::store::parse(text.as_bytes(), path).expect("an ordinary record");
    assert_eq!(record, article.record);
    let plain = report::render::json::render(&support::record(&cells(true)));
    let error = ContendersRecord::parse(plain.as_bytes(), path).expect_err("no contenders");
    assert!(error.to_string().contains("contenders"), "{error}");
}

#[test]
fn shown_in_100_columns() {
    let text = report::render::text::render(&article().document(), &RenderOptions::default());
    insta::assert_snapshot!(text);
}
