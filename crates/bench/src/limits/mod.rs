//! What this machine allows, and what connection counts follow for each server.

mod ceilings;
mod machine;

pub use ceilings::{Threads, threads};
use record::limits::{Ceiling, KIND, LimitsRecord};
use record::sweep::StopCause;

use crate::environment;
use crate::server_spec::ServerSpec;

/// The limits of this machine, and what follows from them for these servers.
pub fn look(servers: &[ServerSpec]) -> LimitsRecord {
    let machine = machine::look();
    LimitsRecord {
        schema_version: 1,
        kind: KIND.to_owned(),
        environment: environment::look(),
        ceilings: ceilings::all(servers, &machine),
        limits: machine.limits(),
    }
}

/// How many connections this machine allows each of these servers. Servers that are not built in can do
/// as they please, so nothing follows for them.
pub fn ceilings(servers: &[ServerSpec]) -> Vec<Ceiling> {
    ceilings::all(servers, &machine::look())
}

/// What a server at its ceiling ran out of.
pub fn cause(by: &str) -> StopCause {
    match by {
        ceilings::OPEN_FILES => StopCause::Descriptors,
        ceilings::MEMORY => StopCause::Memory,
        _ => StopCause::Threads,
    }
}
