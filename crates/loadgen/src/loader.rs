//! Who sends the load: the engine for requests, [`crate::websocket`] for messages. The run does not mind.

use engine::{Engine, Measurement, Slice, SliceOutcome, Target, TargetId};

/// Connects targets, loads them slice by slice and hands over what it saw.
pub trait Loader {
    /// Makes all connections of a target.
    ///
    /// # Errors
    /// When not all of them can be made.
    fn connect(&mut self, target: Target) -> anyhow::Result<TargetId>;

    /// Runs one slice and returns when its last answer is in, or given up.
    ///
    /// # Errors
    /// When the slice cannot be run as it stands.
    fn run_slice(&mut self, slice: &Slice) -> anyhow::Result<SliceOutcome>;

    /// Everything seen of a target since it was connected or last collected.
    ///
    /// # Errors
    /// When the target is not connected.
    fn collect(&mut self, id: TargetId) -> anyhow::Result<Measurement>;

    /// Closes a target's connections.
    fn disconnect(&mut self, id: TargetId);
}

impl Loader for Engine {
    fn connect(&mut self, target: Target) -> anyhow::Result<TargetId> {
        Ok(Engine::connect(self, target)?)
    }

    fn run_slice(&mut self, slice: &Slice) -> anyhow::Result<SliceOutcome> {
        Ok(Engine::run_slice(self, slice)?)
    }

    fn collect(&mut self, id: TargetId) -> anyhow::Result<Measurement> {
        Ok(Engine::collect(self, id)?)
    }

    fn disconnect(&mut self, id: TargetId) {
        Engine::disconnect(self, id);
    }
}
