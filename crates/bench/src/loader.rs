//! Who sends the load: the engine for requests, [`crate::websocket`] for messages. The run does not mind.

use engine::{Engine, EngineConfig, Measurement, Slice, SliceOutcome, Target, TargetId};

use crate::interrupt;

/// Starts the engine; an interrupt ends what it runs.
///
/// # Errors
/// When it cannot be started as it is configured.
pub fn engine(config: EngineConfig) -> anyhow::Result<Engine> {
    let engine = Engine::start(config)?;
    interrupt::cancels(engine.cancel_handle());
    Ok(engine)
}

/// Connects targets, loads them slice by slice and hands over what it saw.
pub trait Loader {
    /// Makes all connections of a target.
    ///
    /// # Errors
    /// When not all of them can be made.
    fn connect(&mut self, target: Target) -> anyhow::Result<TargetId>;

    /// Runs one slice. What is still under way when its time is over may go on.
    ///
    /// # Errors
    /// When the slice cannot be run as it stands.
    fn run_slice(&mut self, slice: &Slice) -> anyhow::Result<SliceOutcome>;

    /// Everything seen of a target since it was connected or its last book was closed.
    ///
    /// # Errors
    /// When the target is not connected.
    fn close_book(&mut self, id: TargetId) -> anyhow::Result<Measurement>;

    /// Waits until nothing of a target is under way any more.
    ///
    /// # Errors
    /// When the target is not connected.
    fn settle(&mut self, id: TargetId) -> anyhow::Result<()>;

    /// What became, since the last call, of requests that were under way when their book was closed.
    ///
    /// # Errors
    /// When the target is not connected.
    fn late(&mut self, id: TargetId) -> anyhow::Result<Vec<Measurement>>;

    /// Waits until nothing of a target is under way any more, and closes its book.
    ///
    /// # Errors
    /// When the target is not connected.
    fn collect(&mut self, id: TargetId) -> anyhow::Result<Measurement> {
        self.settle(id)?;
        self.close_book(id)
    }

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

    fn close_book(&mut self, id: TargetId) -> anyhow::Result<Measurement> {
        Ok(Engine::close_book(self, id)?)
    }

    fn settle(&mut self, id: TargetId) -> anyhow::Result<()> {
        Ok(Engine::settle(self, id)?)
    }

    fn late(&mut self, id: TargetId) -> anyhow::Result<Vec<Measurement>> {
        Ok(Engine::late(self, id)?)
    }

    fn disconnect(&mut self, id: TargetId) {
        Engine::disconnect(self, id);
    }
}
