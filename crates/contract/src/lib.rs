//! The contract every server honours: paths, parameters, exact expected answers, the one CPU
//! kernel and the one table of simulated waits. It opens no connection and serves none.
//!
//! # Layout
//!
//! For the side that asks:
//!
//! - [`catalogue`]: all workloads, `NAME[:MODE][?PARAMETERS]`. [`definition`]: what to send and what each shows.
//! - [`expectation`]: what must come back.
//!
//! For the side that answers:
//!
//! - [`route`]: which paths there are, and which methods they take.
//! - [`params`]: reading a query, strictly.
//! - [`answer`]: an answer in neutral terms; each server writes it in its own way.
//!
//! For both:
//!
//! - [`workloads`]: one file each; parameters, the answer, the expectation.
//! - [`kernel`], [`waits`]: the work that is simulated.
//! - [`mod@nearest`]: what a mistyped name was meant to be.

pub mod answer;
pub mod catalogue;
pub mod definition;
pub mod expectation;
pub mod kernel;
pub mod nearest;
pub mod params;
pub mod route;
pub mod waits;
pub mod workloads;

pub use answer::Answer;
pub use catalogue::Workload;
pub use definition::{Class, Definition, Request, Scenario};
pub use expectation::{Expectation, Mismatch};
pub use nearest::nearest;
pub use params::ParamError;
pub use route::Route;
