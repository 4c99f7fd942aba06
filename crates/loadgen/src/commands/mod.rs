//! The commands: each reads its flags, plans, executes and publishes. None knows another.

pub mod capacity;
pub mod contenders;
pub mod gate;
pub mod guard;
pub mod limits;
pub mod report;
pub mod run;
pub mod scale;
pub mod self_check;
pub mod serve;
pub mod suite;
pub mod sweep;
pub mod workloads;
