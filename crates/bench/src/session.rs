//! Servers that are measured together, from their start to the last answer: the one sequence that every experiment goes
//! through.
//!
//! 1. [`Servers::start`], [`Servers::verify`]: processes, and one answer of each compared.
//! 2. [`Session::new`], [`Session::connect`], [`Session::warm_up`]: connections, and load that counts nowhere.
//! 3. [`Session::block`] over and over and [`Session::settle`], or [`Session::block_alone`]: what is measured.
//!
//! What an experiment does with a server that fails is its own: it may end, or go on without it.

use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use engine::{Load, Measurement, Target, TargetId};

use crate::block::{self, BlockOutcome, BlockPlan};
use crate::descriptors::Room;
use crate::interrupt;
use crate::loader::Loader;
use crate::sampler::{Sample, Sampler};
use crate::server_spec::ServerSpec;
use crate::server_under_test::{Connects, ServerUnderTest, longest_silence, slowest_response};
use crate::stragglers::{Stragglers, Whole, made_in};
use crate::warmup::{self, WarmUp};

/// A server that was left out. What was measured of it until then stands in the record.
pub struct Failed {
    /// Its name.
    pub server: String,
    /// What happened, with its standard error.
    pub reason: String,
}

/// Servers that have been started.
pub struct Servers {
    /// Those that take part, in the order of their specifications.
    pub suts: Vec<ServerUnderTest>,
    /// Those that failed before anything was measured.
    pub failed: Vec<Failed>,
    dispensable: bool,
}

impl Servers {
    /// Starts servers. Where they are `dispensable`, one that fails is left out, now and later.
    ///
    /// # Errors
    /// When one does not start that is not dispensable, and after Ctrl-C, when a failure says nothing.
    pub fn start<'a>(
        specs: impl IntoIterator<Item = &'a ServerSpec>,
        cpus: &[usize],
        dispensable: bool,
    ) -> anyhow::Result<Self> {
        let mut servers = Self {
            suts: Vec::new(),
            failed: Vec::new(),
            dispensable,
        };
        for spec in specs {
            match ServerUnderTest::start(spec, cpus) {
                Ok(mut sut) => {
                    sut.dispensable = dispensable;
                    servers.suts.push(sut);
                }
                Err(error) => servers.leave_out(&spec.label, error)?,
            }
        }
        Ok(servers)
    }

    /// Asks each server, by so many questions, what it has to answer rightly before it is loaded.
    ///
    /// # Errors
    /// When one answers wrongly that is not dispensable; when none is left.
    pub fn verify(
        mut self,
        questions: u32,
        ask: &dyn Fn(&ServerUnderTest) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        for mut sut in std::mem::take(&mut self.suts) {
            let begun = Instant::now();
            let answered = ask(&sut);
            sut.first_response = begun.elapsed() / questions.max(1);
            match answered {
                Ok(()) => self.suts.push(sut),
                Err(error) => {
                    let error = sut.explained(error);
                    self.leave_out(&sut.label, error)?;
                }
            }
        }
        if let (true, Some(first)) = (self.suts.is_empty(), self.failed.first()) {
            bail!("no server is left: {}: {}", first.server, first.reason);
        }
        Ok(self)
    }

    fn leave_out(&mut self, server: &str, error: anyhow::Error) -> anyhow::Result<()> {
        if !self.dispensable || interrupt::requested() {
            return Err(error);
        }
        self.failed.push(Failed {
            server: server.to_owned(),
            reason: format!("{error:#}"),
        });
        Ok(())
    }
}

/// Servers under load.
pub struct Session {
    /// The servers.
    pub suts: Vec<ServerUnderTest>,
    /// Whether all of them stay connected.
    pub room: Room,
    stragglers: Stragglers,
    sampler: Option<Sampler>,
}

impl Session {
    /// Servers that are not connected yet.
    pub fn new(suts: Vec<ServerUnderTest>, room: Room) -> Self {
        Self {
            suts,
            room,
            stragglers: Stragglers::default(),
            sampler: None,
        }
    }

    /// From here on the processes of these servers are looked at.
    pub fn begin_sampling(&mut self) {
        let pids = self.suts.iter().map(ServerUnderTest::pids).collect();
        self.sampler = Some(Sampler::start(pids));
    }

    /// Opens a server's connections.
    ///
    /// # Errors
    /// When not all of them can be established; when its process has ended, that says so.
    pub fn connect(
        &mut self,
        loader: &mut dyn Loader,
        number: usize,
        target: Target,
    ) -> anyhow::Result<TargetId> {
        let sut = &mut self.suts[number];
        let connected = sut.connect(loader, target);
        connected.map_err(|error| sut.explained(error))
    }

    /// Closes all connections.
    pub fn disconnect(&mut self, loader: &mut dyn Loader) {
        for sut in &mut self.suts {
            sut.disconnect(loader);
        }
    }

    /// Loads a connected server without measuring it, and closes its connections where servers take turns.
    ///
    /// # Errors
    /// When it cannot be loaded, its process has ended, or it must answer and does not.
    pub fn warm_up(
        &mut self,
        loader: &mut dyn Loader,
        number: usize,
        load: Load,
        how: &WarmUp,
    ) -> anyhow::Result<()> {
        let sut = &mut self.suts[number];
        let Some(target) = sut.connections else {
            bail!("{} is not connected", sut.label)
        };
        let mut warm = None;
        if !how.longest.is_zero() {
            let ended =
                warmup::warm_up(loader, target, load, how).with_context(|| sut.label.clone())?;
            sut.mean_response = ended.mean_response;
            sut.longest_silence = ended.longest_silence;
            sut.warm_connects.join(ended.connects);
            sut.warmed_up = Some(ended.warmed_up);
            warm = Some(ended.seen);
        }
        if self.room == Room::InTurns {
            sut.disconnect(loader);
        }
        sut.check_alive()?;
        if let Some(warm) = warm {
            self.stragglers.warmed_up(number, target, &warm);
        }
        Ok(())
    }

    /// Takes note of connections that something else than a warm-up made: they count, the rest of what was seen does not.
    pub fn connected_by(&mut self, number: usize, target: TargetId, seen: &Measurement) {
        self.stragglers.warmed_up(number, target, &made_in(seen));
    }

    /// Measures a block; beside what it saw, the parts of blocks that are whole by now.
    ///
    /// # Errors
    /// When a server cannot be loaded.
    pub fn block(
        &mut self,
        loader: &mut dyn Loader,
        index: u32,
        plan: &BlockPlan<'_>,
    ) -> anyhow::Result<(BlockOutcome, Vec<Whole>)> {
        let mut outcome = block::run(loader, &mut self.suts, plan)?;
        let whole = self
            .stragglers
            .add(loader, &self.suts, index, &mut outcome)?;
        Ok((outcome, whole))
    }

    /// Measures a block and awaits its last answers at once.
    ///
    /// # Errors
    /// When a server cannot be loaded.
    pub fn block_alone(
        &mut self,
        loader: &mut dyn Loader,
        plan: &BlockPlan<'_>,
    ) -> anyhow::Result<BlockOutcome> {
        let mut outcome = block::run(loader, &mut self.suts, plan)?;
        block::add_late(loader, outcome.suts.iter_mut(), true)?;
        for made in self.stragglers.take_warm_ups() {
            let mut parts = outcome.suts.iter_mut();
            if let Some(part) = parts.find(|part| part.sut == made.sut) {
                part.measurement.append(made_in(&made.measurement));
            }
        }
        Ok(outcome)
    }

    /// Waits for all that is under way, one timeout at most for each server; the last parts of blocks.
    ///
    /// # Errors
    /// When the load generator fails.
    pub fn settle(&mut self, loader: &mut dyn Loader) -> anyhow::Result<Vec<Whole>> {
        self.stragglers.settle(loader, &self.suts)
    }

    /// What was seen of the processes since the last call, where they are looked at.
    pub fn samples(&self) -> Vec<Sample> {
        self.sampler.as_ref().map_or_else(Vec::new, Sampler::take)
    }

    /// Numbers of the servers that take part, still.
    pub fn taking_part(&self) -> Vec<usize> {
        let numbers = 0..self.suts.len();
        numbers.filter(|&sut| self.suts[sut].is_in()).collect()
    }

    /// The mean response time of the slowest server under the present load; zero where none is known.
    pub fn slowest_response(&self) -> Duration {
        slowest_response(&self.suts)
    }

    /// The longest silence of any server so far.
    pub fn longest_silence(&self) -> Duration {
        longest_silence(&self.suts)
    }

    /// How the connects before the measuring went.
    pub fn connects(&self) -> Connects {
        let mut connects = Connects::default();
        self.suts
            .iter()
            .for_each(|sut| connects.join(sut.warm_connects));
        connects
    }

    /// The servers that were left out since the session began.
    pub fn failed(&self) -> impl Iterator<Item = Failed> {
        self.suts.iter().filter_map(|sut| {
            Some(Failed {
                server: sut.label.clone(),
                reason: sut.failure.clone()?,
            })
        })
    }
}

#[cfg(test)]
mod tests {
    use anyhow::anyhow;

    use super::*;

    fn specs() -> Vec<ServerSpec> {
        let texts = ["right=http://127.0.0.1:1", "wrong=http://127.0.0.1:2"];
        texts
            .iter()
            .map(|text| ServerSpec::parse(text).expect("a server"))
            .collect()
    }

    fn ask(sut: &ServerUnderTest) -> anyhow::Result<()> {
        match sut.label.as_str() {
            "right" => Ok(()),
            _ => Err(anyhow!("a wrong answer")),
        }
    }

    #[test]
    fn a_dispensable_server_that_answers_wrongly_is_left_out_with_the_reason() {
        let servers = Servers::start(&specs(), &[], true).expect("they run already");
        let servers = servers.verify(1, &ask).expect("one is left");
        let labels: Vec<&str> = servers.suts.iter().map(|sut| &*sut.label).collect();
        assert_eq!(labels, ["right"]);
        assert_eq!(servers.failed.len(), 1);
        assert_eq!(servers.failed[0].server, "wrong");
        assert_eq!(servers.failed[0].reason, "a wrong answer");
    }

    #[test]
    fn any_other_server_that_answers_wrongly_is_an_error_and_so_is_none_left() {
        let servers = Servers::start(&specs(), &[], false).expect("they run already");
        let error = servers.verify(1, &ask).err().expect("it answers wrongly");
        assert_eq!(error.to_string(), "a wrong answer");
        let servers = Servers::start(&specs()[1..], &[], true).expect("it runs already");
        let error = servers.verify(1, &ask).err().expect("none is left");
        assert_eq!(
            error.to_string(),
            "no server is left: wrong: a wrong answer"
        );
    }

    #[test]
    fn who_is_not_connected_cannot_be_warmed_up() {
        let servers = Servers::start(&specs(), &[], false).expect("they run already");
        let mut session = Session::new(servers.suts, Room::ForAll);
        let mut engine = crate::loader::engine(engine::EngineConfig {
            threads: 1,
            ..engine::EngineConfig::default()
        })
        .expect("an engine");
        let how = WarmUp::fixed(Duration::from_millis(1));
        let error = session
            .warm_up(&mut engine, 0, Load::ClosedLoop, &how)
            .expect_err("it has no connections");
        assert_eq!(error.to_string(), "right is not connected");
    }
}
