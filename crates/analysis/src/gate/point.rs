//! A gate's blocks at one load, arm beside arm: of a record, of a run under way, or of a bank.

use record::gate::{BASELINE, CANDIDATE};
use record::{Block, CellResult, ErrorCounts, LoadKind, Record};

/// Both arms of a gate under one workload and load.
#[derive(Debug, Clone, Copy)]
pub struct GatePoint<'a> {
    /// Workload of both.
    pub workload: &'a str,
    /// Closed or open loop.
    pub load: LoadKind,
    /// Requests per second asked for; `None` in a closed loop.
    pub rate: Option<f64>,
    /// The baseline's blocks.
    pub baseline: ArmBlocks<'a>,
    /// The candidate's blocks, paired by number.
    pub candidate: ArmBlocks<'a>,
}

/// One arm's blocks at one load.
#[derive(Debug, Clone, Copy)]
pub struct ArmBlocks<'a> {
    /// The blocks.
    pub blocks: &'a [Block],
    /// Errors of all of them by kind.
    pub errors: ErrorCounts,
    /// Connections.
    pub connections: u64,
}

impl<'a> ArmBlocks<'a> {
    fn of(cell: &'a CellResult) -> ArmBlocks<'a> {
        ArmBlocks {
            blocks: &cell.blocks,
            errors: cell.errors,
            connections: u64::from(cell.concurrency),
        }
    }
}

/// The points of a record, workload by workload in the order in which they first appear.
pub fn points(run: &Record) -> Vec<GatePoint<'_>> {
    let mut workloads: Vec<&str> = Vec::new();
    for cell in &run.results {
        if !workloads.contains(&cell.workload.as_str()) {
            workloads.push(&cell.workload);
        }
    }
    let cell = |server: &str, workload: &str, load: LoadKind| {
        run.results
            .iter()
            .find(|cell| cell.server == server && cell.workload == workload && cell.load == load)
    };
    let loads = [LoadKind::Open, LoadKind::Closed];
    workloads
        .into_iter()
        .flat_map(|workload| loads.map(|load| (workload, load)))
        .filter_map(|(workload, load)| {
            let baseline = cell(BASELINE, workload, load)?;
            Some(GatePoint {
                workload,
                load,
                rate: baseline.rate,
                baseline: ArmBlocks::of(baseline),
                candidate: ArmBlocks::of(cell(CANDIDATE, workload, load)?),
            })
        })
        .collect()
}
