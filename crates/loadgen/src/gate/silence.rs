//! A server that hangs: every slice would wait for it as long as a request may take, so the first is the last.

use std::time::Duration;

use anyhow::{anyhow, bail};
use engine::{Engine, Measurement, Slice, SliceOutcome, Target, TargetId};

use crate::arm::Arm;
use crate::loader::Loader;

/// The load engine, which fails at the first slice that waits to the timeout and gets no right answer at all.
pub struct Impatient<'a> {
    engine: &'a mut Engine,
    timeout: Duration,
    silent: Option<TargetId>,
}

impl<'a> Impatient<'a> {
    /// `timeout`: after which the engine gives up a request.
    pub fn new(engine: &'a mut Engine, timeout: Duration) -> Self {
        Self {
            engine,
            timeout,
            silent: None,
        }
    }

    /// The error, with the name and the words of the server that was silent, if one was.
    pub fn blame(&self, error: anyhow::Error, arms: &[Arm]) -> anyhow::Error {
        let silent = arms
            .iter()
            .find(|arm| self.silent.is_some() && arm.connections == self.silent);
        match silent {
            Some(arm) => anyhow!(
                "the {} answers nothing any more: {error}{}",
                arm.label,
                arm.stderr_note()
            ),
            None => error,
        }
    }
}

impl Loader for Impatient<'_> {
    fn connect(&mut self, target: Target) -> anyhow::Result<TargetId> {
        Loader::connect(self.engine, target)
    }

    fn run_slice(&mut self, slice: &Slice) -> anyhow::Result<SliceOutcome> {
        let outcome = Loader::run_slice(self.engine, slice)?;
        let silent = outcome
            .loads
            .iter()
            .find(|load| load.mean_latency.is_none());
        if let Some(load) = silent
            && outcome.span >= self.timeout
            && !outcome.interrupted
        {
            self.silent = Some(load.target);
            bail!("all requests timed out after {:?}", self.timeout);
        }
        Ok(outcome)
    }

    fn close_book(&mut self, id: TargetId) -> anyhow::Result<Measurement> {
        Loader::close_book(self.engine, id)
    }

    fn settle(&mut self, id: TargetId) -> anyhow::Result<()> {
        Loader::settle(self.engine, id)
    }

    fn late(&mut self, id: TargetId) -> anyhow::Result<Vec<Measurement>> {
        Loader::late(self.engine, id)
    }

    fn disconnect(&mut self, id: TargetId) {
        Loader::disconnect(self.engine, id);
    }
}
