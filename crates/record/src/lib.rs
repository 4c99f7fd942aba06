//! The files that runs leave behind: what stands in them, and reading them back.
//!
//! Reads no clock, opens no socket and prints nothing. Nothing here is concluded from a record or shown of it.
//!
//! # Layout
//!
//! - `run`: the record of a run, whose parts stand at the top of this crate, such as [`Record`] and [`CellResult`].
//! - [`sweep`], [`suite`], [`gate`], [`contenders`], [`capacity`], [`scale`], [`limits`]: the other kinds of record;
//!   [`limited`]: what limited a server.
//! - [`file`](mod@file): reading a record of a known kind; [`any`]: of any kind. [`schema`]: the description of the files.
//! - [`summary`]: from a histogram to the figures of a record. [`totals`]: what cells add up to.
//! - [`machine`]: whether two environments are the same. [`counting`]: what never mixes.
//! - [`article`]: what others published, as data.

pub mod any;
pub mod article;
pub mod capacity;
pub mod contenders;
pub mod counting;
pub mod file;
pub mod gate;
pub mod limited;
pub mod limits;
pub mod machine;
pub mod metric;
mod run;
pub mod scale;
pub mod schema;
pub mod suite;
pub mod summary;
pub mod sweep;
#[cfg(test)]
mod testing;
pub mod totals;

// The helpers of tests are shared with the crate `analysis`, so they name this crate as others do.
#[cfg(test)]
extern crate self as record;

pub use run::{
    ArticleRow, Block, BlockCpu, COUNTING_RULE, CellResult, ClassResult, ClosedConnections,
    Comparison, Config, Connections, DELIVERIES_LOST, Environment, ErrorCounts, Figure,
    LatencySummary, Lateness, LoadKind, Record, RequestConfig, Resources, SCHEMA_VERSION,
    SeriesPoint, ServerConfig, TcpCounters, Warning, WorkloadRequest, WrkCompatible,
};
