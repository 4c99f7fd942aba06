//! The article's frameworks with this machine's servers beside them.

use analysis::article::{pairs, reference_server};
use record::article::{REFERENCE_FRAMEWORK, Reference, source};
use record::{ArticleRow, Record};
use render::table::{Cell, Column, Layout, Table};

/// One table for each keep-alive that was measured.
pub(crate) fn tables(record: &Record) -> Vec<Table> {
    [true, false]
        .into_iter()
        .filter_map(|keep_alive| table(record, keep_alive))
        .collect()
}

fn table(record: &Record, keep_alive: bool) -> Option<Table> {
    let pairs = pairs(&record.article, keep_alive);
    let servers = pairs.iter().filter_map(|(_, server)| *server);
    let unit = reference_server(servers.map(|server| server.name.as_str())).to_owned();
    let rows = pairs
        .into_iter()
        .map(|(framework, server)| row(framework, server))
        .collect::<Vec<_>>();
    let reference = Reference::load();
    let table = Table {
        id: if keep_alive {
            "article"
        } else {
            "article-close"
        }
        .to_owned(),
        title: format!(
            "{}: what {} printed, and what was measured here",
            if keep_alive {
                "Keep-alive on"
            } else {
                "Keep-alive off"
            },
            source(keep_alive)
        ),
        columns: vec![
            Column::words("Framework", 0),
            Column::figures("QPS there", 1),
            Column::figures(format!("{REFERENCE_FRAMEWORK} = 1"), 0),
            Column::words("Server here", 0),
            Column::figures("QPS here", 1),
            Column::figures(format!("{unit} = 1"), 0),
        ],
        rows,
        layout: Layout::Upright,
        notes: vec![comparable(&reference, keep_alive)],
    };
    (!table.rows.is_empty()).then_some(table)
}

fn row(framework: Option<&ArticleRow>, server: Option<&ArticleRow>) -> Vec<Cell> {
    let half = |row: Option<&ArticleRow>, rate: fn(f64) -> String| match row {
        Some(row) => [
            Cell::text(&row.name),
            Cell::figure(Some(row.qps), rate),
            Cell::figure(row.relative, format::ratio),
        ],
        None => [Cell::default(), Cell::default(), Cell::default()],
    };
    let here = half(server, format::per_second);
    half(framework, format::published_per_second)
        .into_iter()
        .chain(here)
        .collect()
}

/// What may be compared, and what may not.
pub(crate) fn comparable(reference: &Reference, keep_alive: bool) -> String {
    let article = &reference.article;
    let (whose, source) = if keep_alive {
        let source = format!("\"{}\", {}", article.title, article.date);
        ("the article's", source)
    } else {
        let repository = &reference.publication.repository;
        let source = format!("{repository}; the article prints figures with keep-alive only");
        ("the publication's", source)
    };
    format!(
        "Comparable, loosely: the two relative columns, each within one machine. Not comparable: QPS there and here (other hardware, not stated there; {}, {} connections), and the answers: {whose} Tokio and Rust Std programs parse no request, bodies and headers differ, and its Node.js used one core. Source: {source}.",
        article.tool,
        format::count(u64::from(article.concurrency)),
    )
}
