//! The article's frameworks and this machine's servers on one relative scale.

use record::article::{REFERENCE_FRAMEWORK, REFERENCE_SERVER, Reference, stands_beside};
use record::{ArticleRow, LoadKind, Record};

use crate::cells::load_points;

/// `source` of a row that the article printed.
pub const FROM_ARTICLE: &str = "article";

/// `source` of a row that was measured here.
pub const FROM_HERE: &str = "here";

/// The workloads that ask for what the article's servers were asked for.
const COMPARABLE_WORKLOADS: [&str; 2] = ["hello", "custom"];

/// For each keep-alive that was measured saturated: the article's rows, then this machine's.
pub fn rows(record: &Record) -> Vec<ArticleRow> {
    let reference = Reference::load();
    let saturated = load_points(record)
        .into_iter()
        .filter(|point| point.load == LoadKind::Closed)
        .filter(|point| COMPARABLE_WORKLOADS.contains(&point.workload));
    let mut rows: Vec<ArticleRow> = Vec::new();
    for point in saturated {
        if rows.iter().any(|row| row.keep_alive == point.keep_alive) {
            continue;
        }
        let frameworks = reference.frameworks(point.keep_alive);
        let rust_std = frameworks
            .iter()
            .find(|framework| framework.name == REFERENCE_FRAMEWORK)
            .map(|framework| framework.qps);
        rows.extend(frameworks.iter().map(|framework| ArticleRow {
            name: framework.name.clone(),
            source: FROM_ARTICLE.to_owned(),
            qps: framework.qps,
            relative: relative(framework.qps, rust_std),
            stands_beside: None,
            keep_alive: point.keep_alive,
        }));
        let names = point.cells.iter().map(|cell| cell.server.as_str());
        let reference = point.cell(reference_server(names));
        let sync = reference.map(|cell| cell.throughput_rps);
        rows.extend(point.cells.iter().map(|cell| ArticleRow {
            name: cell.server.clone(),
            source: FROM_HERE.to_owned(),
            qps: cell.throughput_rps,
            relative: relative(cell.throughput_rps, sync),
            stands_beside: stands_beside(&cell.server).map(str::to_owned),
            keep_alive: point.keep_alive,
        }));
    }
    rows
}

/// The server whose throughput is 1 on this machine's scale: the built-in one, or another that stands beside
/// the article's reference.
pub fn reference_server<'a>(servers: impl Iterator<Item = &'a str> + Clone) -> &'a str {
    let mut beside = servers
        .clone()
        .filter(|name| stands_beside(name) == Some(REFERENCE_FRAMEWORK));
    let built_in = servers.clone().find(|name| *name == REFERENCE_SERVER);
    built_in
        .or_else(|| beside.next())
        .unwrap_or(REFERENCE_SERVER)
}

fn relative(qps: f64, reference: Option<f64>) -> Option<f64> {
    reference
        .filter(|reference| *reference > 0.0)
        .map(|reference| qps / reference)
}

/// A framework of the article and the server of this machine that stands beside it; one may be missing.
pub type Pair<'a> = (Option<&'a ArticleRow>, Option<&'a ArticleRow>);

/// The article's frameworks in its order, each with its counterparts here, then the servers without one.
pub fn pairs(rows: &[ArticleRow], keep_alive: bool) -> Vec<Pair<'_>> {
    let of = |source: &'static str| {
        rows.iter()
            .filter(move |row| row.keep_alive == keep_alive && row.source == source)
    };
    let mut pairs: Vec<Pair<'_>> = Vec::new();
    for framework in of(FROM_ARTICLE) {
        let beside = |row: &&ArticleRow| row.stands_beside.as_deref() == Some(&framework.name);
        let mut servers = of(FROM_HERE).filter(beside);
        pairs.push((Some(framework), servers.next()));
        pairs.extend(servers.map(|server| (None, Some(server))));
    }
    let alone = of(FROM_HERE).filter(|row| row.stands_beside.is_none());
    pairs.extend(alone.map(|server| (None, Some(server))));
    pairs
}
