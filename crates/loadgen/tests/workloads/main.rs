//! Every kind of workload on real servers: what it adds to the record, and that it means what it says.
//!
//! Settings are tiny: figures are looked at for being there and for what no noise can turn around.

mod beside;
mod list;
mod messages;
mod plain;
mod support;
