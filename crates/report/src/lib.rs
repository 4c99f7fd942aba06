//! The record format, and everything derived from records.
//!
//! Reads no clock, opens no socket and prints nothing. A [`record::Record`] comes in, text goes out.
//!
//! # Layout
//!
//! - [`record`], [`store`], [`schema`]: the file a run leaves behind, reading it back, its description.
//! - [`summary`]: from a histogram to the figures of a record.
//! - [`kept`]: a record of any kind, and its report. [`merge`]: several runs as one. [`counting`]: what never mixes.
//! - [`article`]: what others published, as data.
//! - [`analysis`]: what the figures say. [`rate`]: whether a fixed rate was kept; [`down`]: time without a working server.
//! - [`contenders`]: foreign servers beside each other, and the article's table made again.
//! - [`gate`]: the performance gate's verdict; [`stored`]: two records of different days.
//! - [`format`](mod@format): numbers as text. [`table`], [`chart`], [`document`], `view`: what is shown.
//! - [`heat_map`]: ratios over two things varied, in colour.
//! - [`suite`], [`sweep`], [`scale`], [`capacity`], [`limits`]: the other records, each with all that is made from it.
//! - [`mod@render`]: how it looks, one file for each format.

pub mod analysis;
pub mod article;
pub mod capacity;
pub mod chart;
pub mod contenders;
pub mod counting;
pub mod document;
pub mod down;
pub mod format;
pub mod gate;
pub mod heat_map;
pub mod kept;
pub mod limits;
pub mod merge;
pub mod rate;
pub mod record;
pub mod render;
pub mod scale;
pub mod schema;
pub mod store;
pub mod stored;
pub mod suite;
pub mod summary;
pub mod sweep;
pub mod table;
mod view;

pub use analysis::analyse;
pub use render::{Format, RenderOptions, Rendered, render, render_all};
