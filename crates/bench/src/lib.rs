//! Measuring: from servers that are named to blocks and cells of a record. It knows no command and prints no result.
//!
//! # Layout
//!
//! - [`server_spec`], [`url`], [`values`]: servers and settings as they are typed. [`work`]: what servers are asked for.
//! - [`server_under_test`]: a server under measurement; [`process`], [`guard`]: server processes, and how foreign ones
//!   never outlive the program; [`waiting`]: what the built-in ones wait for.
//! - [`session`]: the one sequence that every experiment goes through: servers started, verified, connected, warmed up
//!   ([`warmup`]), measured in blocks.
//! - [`verify`], [`agreement`]: whether servers answer what they should, and all the same.
//! - [`loader`], [`websocket`]: who sends the load.
//! - [`slices`], [`schedule`]: how time is cut; [`block`]: servers loaded slice by slice; [`stragglers`]: their last
//!   answers; [`cells`]: what the record tells of them.
//! - [`counters`], [`pids`], [`cpu`], [`sampler`], [`environment`], [`descriptors`], [`limits`]: what the operating
//!   system tells and allows. [`floor`]: what was found out about this machine.
//! - [`journal`], [`files`]: records that grow, and how files are written. [`stderr`]: what is said beside the result.
//! - Ctrl-C: [`interrupt`].

pub mod agreement;
pub mod block;
pub mod cells;
pub mod counters;
pub mod cpu;
pub mod descriptors;
pub mod environment;
pub mod files;
pub mod floor;
pub mod guard;
pub mod interrupt;
pub mod journal;
pub mod limits;
pub mod loader;
pub mod pids;
pub mod process;
pub mod sampler;
pub mod schedule;
pub mod server_spec;
pub mod server_under_test;
pub mod session;
pub mod slices;
pub mod stderr;
pub mod stragglers;
pub mod url;
pub mod values;
pub mod verify;
pub mod waiting;
pub mod warmup;
pub mod websocket;
pub mod work;
