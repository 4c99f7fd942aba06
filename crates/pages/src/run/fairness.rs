//! How evenly a server treated its connections: of interest wherever all of them want something all the time.

use analysis::cells::LoadPoint;
use analysis::rate::{self, Outcome};
use record::{CellResult, Connections, LoadKind};
use render::table::Cell;
use stats::thresholds::EVEN_JAIN_INDEX;

use crate::run::results::{Figure, whole};

const INDEX: Figure = ("Jain's fairness index", 8, |cell| {
    let index = contended(cell).and_then(|connections| connections.jain_index);
    Cell::figure(index, format::fixed_ratio)
});

/// Who got how much.
const SPREAD: [Figure; 4] = [
    ("unanswered connections", 5, |cell| {
        Cell::figure(unanswered_percent(cell), format::percent)
    }),
    ("fewest requests/connection", 8, |cell| {
        whole(contended(cell).and_then(|connections| connections.requests_min))
    }),
    ("median requests/connection", 8, |cell| {
        let median = contended(cell).and_then(|connections| connections.requests_median);
        Cell::figure(median, format::number)
    }),
    ("most requests/connection", 8, |cell| {
        whole(contended(cell).and_then(|connections| connections.requests_max))
    }),
];

/// The index, and what stands behind it where one of the servers was not even.
pub(super) fn figures(point: &LoadPoint<'_>) -> Vec<Figure> {
    let mut figures = vec![INDEX];
    if point.cells.iter().any(|cell| is_uneven(cell)) {
        figures.extend(SPREAD);
    }
    figures
}

/// Connections that wanted something all the time; in an open loop within capacity, one that is never
/// needed gets nothing and lacks nothing.
fn contended(cell: &CellResult) -> Option<&Connections> {
    let overloaded = rate::outcome(cell) == Some(Outcome::BeyondCapacity);
    let contended = cell.load == LoadKind::Closed || overloaded;
    (contended && cell.keep_alive).then_some(&cell.connections)
}

fn unanswered_percent(cell: &CellResult) -> Option<f64> {
    let unanswered = contended(cell)?.unanswered as f64;
    (cell.concurrency > 0).then(|| 100.0 * unanswered / f64::from(cell.concurrency))
}

fn is_uneven(cell: &CellResult) -> bool {
    let uneven_index = |index: f64| index < EVEN_JAIN_INDEX;
    contended(cell).is_some_and(|connections| {
        connections.unanswered > 0 || connections.jain_index.is_some_and(uneven_index)
    })
}
