//! A server that hangs: once it has answered nobody for as long as a request may take, measuring on would only wait.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use anyhow::{anyhow, bail};
use engine::{Engine, Measurement, Slice, SliceOutcome, Target, TargetId};

use crate::arm::Arm;
use crate::loader::Loader;

/// The load engine, which fails once a server has given no right answer in any slice for the length of the timeout.
pub struct Impatient<'a> {
    engine: &'a mut Engine,
    timeout: Duration,
    /// Since when each server has answered nobody.
    since: BTreeMap<TargetId, Instant>,
    silent: Option<TargetId>,
}

impl<'a> Impatient<'a> {
    /// `timeout`: after which the engine gives up a request.
    pub fn new(engine: &'a mut Engine, timeout: Duration) -> Self {
        Self {
            engine,
            timeout,
            since: BTreeMap::new(),
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
        let begin = Instant::now();
        let outcome = Loader::run_slice(self.engine, slice)?;
        for load in &outcome.loads {
            if load.mean_latency.is_some() || outcome.interrupted {
                self.since.remove(&load.target);
                continue;
            }
            let since = self.since.entry(load.target).or_insert(begin);
            if since.elapsed() >= self.timeout {
                self.silent = Some(load.target);
                bail!("no right answer for {:?}", self.timeout);
            }
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
