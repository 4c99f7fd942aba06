//! One trial: a server loaded at one rate, and what it did not meet.

use std::time::Duration;

use analysis::down::{self, Second};
use analysis::rate::{Outcome, Planned};
use engine::{Arrivals, Engine, Load, Measurement, SliceEnd, Target};
use record::LatencySummary;
use record::capacity::{CapacityConfig, Purpose, Trial};

use super::closed_loop::ClosedLoops;
use super::objective::Slo;
use super::trial_length;
use crate::args::MaxErrors;
use crate::exit;
use bench::block::{BlockPlan, SutBlock};
use bench::cells::cpu_us_per_request;
use bench::descriptors::Room;
use bench::interrupt;
use bench::server_under_test::ServerUnderTest;
use bench::session::Session;
use bench::warmup::WarmUp;
use bench::work::Work;

/// Load before the first closed loop is measured.
const WARM_UP: Duration = Duration::from_secs(1);
/// No trial is slower than a request in ten seconds.
const LOWEST_RATE_RPS: f64 = 0.1;
/// Requests that a 99th percentile can be shown for.
const REQUESTS_FOR_P99: f64 = 10_000.0;

/// Everything a trial needs.
pub struct Bench<'a> {
    /// Who sends the load.
    pub engine: Engine,
    /// The servers.
    pub session: Session,
    /// What they are asked for.
    pub work: &'a Work,
    /// How.
    pub config: &'a CapacityConfig,
    /// What a trial must meet.
    pub slo: &'a Slo,
    /// Errors tolerated in a trial.
    pub max_errors: MaxErrors,
    /// What each server does in a closed loop.
    pub closed_loops: Vec<ClosedLoops>,
}

impl Bench<'_> {
    /// Loads a server before its first trial; `false` when that was interrupted.
    ///
    /// # Errors
    /// When the server cannot be loaded.
    pub fn warm_up(&mut self, sut: usize) -> anyhow::Result<bool> {
        self.connect(sut)?;
        if !interrupt::requested() {
            let how = WarmUp::fixed(WARM_UP);
            self.session
                .warm_up(&mut self.engine, sut, Load::ClosedLoop, &how)?;
        }
        Ok(!interrupt::requested())
    }

    /// Connects a server that is not connected.
    fn connect(&mut self, sut: usize) -> anyhow::Result<()> {
        let it = &self.session.suts[sut];
        if it.connections.is_some() {
            return Ok(());
        }
        let target = target(self.config, self.work, it);
        match self.session.connect(&mut self.engine, sut, target) {
            Err(error) if !interrupt::requested() => Err(error),
            _ => Ok(()),
        }
    }

    /// A closed loop: its requests per second, and the median of it and those before it; `None` when it was
    /// interrupted.
    fn closed_loop(&mut self, sut: usize) -> anyhow::Result<Option<(f64, f64)>> {
        let loops = &self.closed_loops[sut];
        let time = loops.time(Duration::from_secs_f64(self.config.trial_s));
        if let Some(mean_response) = loops.mean_response {
            self.session.suts[sut].mean_response = Some(mean_response);
        }
        let Some(loaded) = self.load(sut, Load::ClosedLoop, time)? else {
            return Ok(None);
        };
        let seen = &loaded.measurement;
        if seen.requests == 0 {
            anyhow::bail!(
                "{} answers nothing in a closed loop (errors: {})",
                self.session.suts[sut].label,
                seen.errors
            );
        }
        let rps = seen.requests as f64 / seen.measured.as_secs_f64();
        let median = self.closed_loops[sut].add(rps, self.session.suts[sut].mean_response);
        Ok(Some((rps, median)))
    }

    /// Loads a server at a multiple of what it does in a closed loop, and judges what came of it; `None` when
    /// that was interrupted.
    ///
    /// # Errors
    /// When the server cannot be loaded, answers nothing, or ended.
    pub fn trial(
        &mut self,
        sut: usize,
        over_saturated: f64,
        purpose: Purpose,
    ) -> anyhow::Result<Option<Trial>> {
        let Some((closed_loop_rps, saturated_rps)) = self.closed_loop(sut)? else {
            return Ok(None);
        };
        let rate_rps = (over_saturated * saturated_rps).max(LOWEST_RATE_RPS);
        let needed = match purpose {
            Purpose::Curve => REQUESTS_FOR_P99,
            Purpose::Search | Purpose::Verify => self.slo.requests_needed(),
        };
        let length = trial_length(
            Duration::from_secs_f64(self.config.trial_s),
            needed,
            rate_rps,
        );
        let load = Load::OpenLoop {
            rate_rps,
            arrivals: Arrivals::Poisson,
        };
        let Some(loaded) = self.load(sut, load, length)? else {
            return Ok(None);
        };
        let seen = &loaded.measurement;
        let timeout = Duration::from_secs_f64(self.config.timeout_s);
        Ok(Some(Trial {
            rate_rps,
            closed_loop_rps: Some(closed_loop_rps),
            saturated_rps: Some(saturated_rps),
            purpose,
            throughput_rps: seen.answers_in_window as f64 / seen.measured.as_secs_f64(),
            latency_us: LatencySummary::from_histogram(&seen.latency, seen.unanswered, timeout),
            errors: seen.errors.total(),
            server_cpu_us_per_request: cpu_us_per_request(loaded.server_cpu, seen),
            client_busy_percent: self.client_busy_percent(&loaded),
            others_percent: loaded.cpu.and_then(|cpu| cpu.percent(cpu.others_s?)),
            failed_on: self.failed_on(seen),
        }))
    }

    /// What a trial did not meet.
    fn failed_on(&self, seen: &Measurement) -> Option<String> {
        let errors = seen.errors.total();
        if exit::exceeds(seen.requests, errors, self.max_errors) {
            return Some(format!(
                "{} ({})",
                format::counted(errors, "error"),
                seen.errors
            ));
        }
        let (down_s, measured_s) = (down_s(seen), seen.measured.as_secs_f64());
        if exit::was_down_too_long(down_s, measured_s, self.max_errors) {
            return Some(format!(
                "nothing but errors in {} of {}",
                format::seconds(down_s),
                format::seconds(measured_s),
            ));
        }
        let planned = planned(seen);
        if planned.outcome() == Outcome::BeyondCapacity {
            return Some(format!(
                "answered {} of {} in time",
                format::count(planned.in_time()),
                format::counted(planned.total(), "request"),
            ));
        }
        self.slo.missed_by(seen)
    }

    fn client_busy_percent(&self, loaded: &SutBlock) -> Option<f64> {
        let threads_time = loaded.span.as_secs_f64() * f64::from(self.config.threads);
        let busy = loaded.client_cpu + loaded.client_run_queue_wait?;
        (threads_time > 0.0).then(|| (100.0 * busy.as_secs_f64() / threads_time).min(100.0))
    }

    /// One stretch of load; `None` when it was interrupted.
    fn load(&mut self, sut: usize, load: Load, time: Duration) -> anyhow::Result<Option<SutBlock>> {
        let (config, work) = (self.config, self.work);
        let target_of = |sut: &ServerUnderTest| target(config, work, sut);
        let connect_each: Option<&dyn Fn(&ServerUnderTest) -> Target> = match self.session.room {
            Room::ForAll => None,
            Room::InTurns => Some(&target_of),
        };
        if connect_each.is_none() {
            self.connect(sut)?;
        }
        if interrupt::requested() {
            return Ok(None);
        }
        let plan = BlockPlan {
            order: &[sut],
            load,
            slice_end: SliceEnd::After(time),
            seed: self.config.seed,
            connect_each,
        };
        let outcome = self.session.block_alone(&mut self.engine, &plan);
        if interrupt::requested() {
            return Ok(None);
        }
        let mut outcome = outcome?;
        outcome.check_whole()?;
        Ok(outcome.suts.pop())
    }
}

/// Time without a working server.
fn down_s(seen: &Measurement) -> f64 {
    down::time_s(seen.series.iter().map(|second| Second {
        measured_s: second.measured.as_secs_f64(),
        answers: second.requests + second.wrong_answers,
        errors: second.errors,
    }))
}

/// What became of the requests of a trial: in an open loop all that was due is answered in the end, and what a server
/// cannot take shows as answers that come after the trial's time.
fn planned(seen: &Measurement) -> Planned {
    let given_up = seen.errors.timeout + seen.errors.unsent;
    Planned {
        answered: seen.requests,
        answered_in_window: Some(seen.answers_in_window),
        given_up,
        failed: seen.errors.total() - given_up,
        duration_s: seen.measured.as_secs_f64(),
        mean_response_s: seen.latency.mean() / 1e9,
        windows: 1,
    }
}

fn target(config: &CapacityConfig, work: &Work, sut: &ServerUnderTest) -> Target {
    sut.target(
        work.classes(),
        config.concurrency as usize,
        config.keep_alive,
    )
}
