//! The commands: each reads its flags, plans, executes and publishes. None knows another.

pub mod guard;
pub mod limits;
pub mod serve;
