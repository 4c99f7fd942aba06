//! What a machine allows: found, not assumed.

use serde::{Deserialize, Serialize};

use crate::run::Environment;

/// What [`LimitsRecord::kind`] says.
pub const KIND: &str = "limits";

/// What this machine allows, and what follows from it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct LimitsRecord {
    /// Version of this format, 1.
    pub schema_version: u32,
    /// Always [`KIND`].
    pub kind: String,
    /// The machine and the build.
    pub environment: Environment,
    /// Limits, one each.
    pub limits: Vec<MachineLimit>,
    /// How many connections follow for each server.
    pub ceilings: Vec<Ceiling>,
}

/// One limit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MachineLimit {
    /// What the system calls it, for instance `vm.max_map_count`.
    pub name: String,
    /// Its value; null where the system does not tell or there is no limit.
    pub value: Option<u64>,
    /// Unit of the value: `files`, `threads`, `ports`, `maps`, `connections`, `bytes`, `millicores`.
    pub unit: String,
    /// What it limits.
    pub meaning: String,
}

/// How many connections a server can hold open here, and what ends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ceiling {
    /// Server.
    pub server: String,
    /// Connections at most.
    pub connections: u64,
    /// The limit that is reached first.
    pub by: String,
    /// How the number follows from it.
    pub reason: String,
}
