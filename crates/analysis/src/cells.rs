//! Results grouped into load points: the cells that differ in nothing but the server.

use record::{CellResult, LoadKind, Record};

/// All servers of a record under the same workload, load and keep-alive.
#[derive(Debug, Clone)]
pub struct LoadPoint<'a> {
    /// Workload of all of them.
    pub workload: &'a str,
    /// Closed or open loop.
    pub load: LoadKind,
    /// Keep-alive of all of them.
    pub keep_alive: bool,
    /// Connections of all of them.
    pub concurrency: u32,
    /// Requests per second asked for; `None` in a closed loop.
    pub rate: Option<f64>,
    /// One cell for each server, in the order of the record.
    pub cells: Vec<&'a CellResult>,
}

impl<'a> LoadPoint<'a> {
    /// The cell of a server.
    pub fn cell(&self, server: &str) -> Option<&'a CellResult> {
        self.cells
            .iter()
            .copied()
            .find(|cell| cell.server == server)
    }

    fn holds(&self, cell: &CellResult) -> bool {
        self.workload == cell.workload
            && self.load == cell.load
            && self.keep_alive == cell.keep_alive
            && self.concurrency == cell.concurrency
            && self.rate.map(f64::to_bits) == cell.rate.map(f64::to_bits)
    }
}

/// The load points of a record, in the order in which they first appear.
pub fn load_points(record: &Record) -> Vec<LoadPoint<'_>> {
    let mut points: Vec<LoadPoint<'_>> = Vec::new();
    for cell in &record.results {
        match points.iter_mut().find(|point| point.holds(cell)) {
            Some(point) => point.cells.push(cell),
            None => points.push(LoadPoint {
                workload: &cell.workload,
                load: cell.load,
                keep_alive: cell.keep_alive,
                concurrency: cell.concurrency,
                rate: cell.rate,
                cells: vec![cell],
            }),
        }
    }
    points
}
