//! Who used the machine's CPU while a server was loaded: the server, the load generator, what helps the run, others.
//!
//! What belongs to the run is known by process; the rest of what the machine did is of others. CPU times of
//! processes are told to the nanosecond, idle time of the machine in ticks of 10 ms, so differences of single slices
//! are rough and those of a block are good: rounding averages out.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use report::analysis::comparisons::is_contended;
use report::format;
use report::record::BlockCpu;

use crate::arm::Arm;
use crate::counters::{self, MachineCpu, ThreadTime};
use crate::output;
use crate::pids::Pids;

/// How long is looked whether the machine is busy already: a few percent can be told from ticks of 10 ms.
const LOOK: Duration = Duration::from_millis(300);

/// Says, unless `quiet`, when other programs use the machine's CPU before anything is started.
pub fn say_if_busy(quiet: bool) {
    if quiet {
        return;
    }
    let arm = ArmProcesses {
        server: Vec::new(),
        helpers: Vec::new(),
        are_known: true,
        threads: None,
    };
    let processes = Processes { arms: vec![arm] };
    let mut usage = Usage::default();
    usage.begin(&processes, 0);
    std::thread::sleep(LOOK);
    usage.end(&processes, 0);
    let cpu = usage.finish(&processes, 0, true);
    let percent = cpu.and_then(|cpu| cpu.percent(cpu.others_s?));
    if let Some(percent) = percent.filter(|&percent| is_contended(Some(percent))) {
        output::progress(
            quiet,
            &format!(
                "this machine is busy: other programs use {} of its CPU. What they take may make a winner, so none may be named; end them first, or measure on a quieter machine",
                format::percent(percent)
            ),
        );
    }
}

/// The processes of a run, as they are at the beginning of a block.
pub struct Processes {
    arms: Vec<ArmProcesses>,
}

struct ArmProcesses {
    /// Of its server.
    server: Vec<u32>,
    /// Everything else of the run but the load generator itself.
    helpers: Vec<u32>,
    /// Whether the server's processes on this machine are known; on another machine it has none.
    are_known: bool,
    /// What the server's threads had done at the beginning.
    threads: Option<HashMap<u32, ThreadTime>>,
}

/// Who used how much over the slices of one arm so far.
#[derive(Clone, Default)]
pub struct Usage {
    since: Option<Reading>,
    wall: Duration,
    machine: Duration,
    idle: Duration,
    stolen: Duration,
    server: Option<Duration>,
    client: Duration,
    helpers: Option<Duration>,
    client_wait: Option<Duration>,
    pressure: Option<Duration>,
    /// Whether any slice ended without a reading.
    has_gap: bool,
}

/// All counters at an edge of a slice.
#[derive(Clone, Copy)]
struct Reading {
    at: Instant,
    machine: MachineCpu,
    server: Option<Duration>,
    client: Duration,
    helpers: Option<Duration>,
    client_wait: Option<Duration>,
    pressure: Option<Duration>,
}

impl Processes {
    /// Those of arms whose servers' processes are `pids`; threads are looked at of the arms that are loaded.
    pub fn of(arms: &[Arm], pids: &[Vec<u32>], loaded: &[usize]) -> Self {
        let servers: Vec<u32> = pids.iter().flatten().copied().collect();
        let own = counters::process_tree(std::process::id(), &servers);
        let all = own.into_iter().skip(1).chain(servers);
        let mut all: Vec<u32> = all.collect();
        all.sort_unstable();
        all.dedup();
        let arm = |(number, (arm, server)): (usize, (&Arm, &Vec<u32>))| ArmProcesses {
            helpers: all
                .iter()
                .copied()
                .filter(|it| !server.contains(it))
                .collect(),
            are_known: arm.pids() != Pids::Unknown,
            threads: loaded
                .contains(&number)
                .then(|| counters::threads(server))
                .flatten(),
            server: server.clone(),
        };
        Self {
            arms: arms.iter().zip(pids).enumerate().map(arm).collect(),
        }
    }
}

impl Usage {
    /// A slice of an arm begins.
    pub fn begin(&mut self, processes: &Processes, arm: usize) {
        self.since = Reading::take(&processes.arms[arm]);
    }

    /// And ends.
    pub fn end(&mut self, processes: &Processes, arm: usize) {
        match (self.since.take(), Reading::take(&processes.arms[arm])) {
            (Some(before), Some(after)) => self.add(&before, &after),
            _ => self.has_gap = true,
        }
    }

    fn add(&mut self, before: &Reading, after: &Reading) {
        let is_first = self.wall.is_zero();
        let wall = after.at - before.at;
        let grown = |sum: Option<Duration>, before: Option<Duration>, after: Option<Duration>| {
            let sum = if is_first { Duration::ZERO } else { sum? };
            Some(sum + after?.saturating_sub(before?))
        };
        self.wall += wall;
        self.machine += wall * after.machine.cpus;
        self.idle += after.machine.idle_since(before.machine);
        self.stolen += after.machine.stolen_since(before.machine);
        self.client += after.client.saturating_sub(before.client);
        self.server = grown(self.server, before.server, after.server);
        self.helpers = grown(self.helpers, before.helpers, after.helpers);
        self.client_wait = grown(self.client_wait, before.client_wait, after.client_wait);
        self.pressure = grown(self.pressure, before.pressure, after.pressure);
    }

    /// What a record keeps of it; `None` where the system does not tell. `is_same`: no process of the server came or
    /// went.
    pub fn finish(self, processes: &Processes, arm: usize, is_same: bool) -> Option<BlockCpu> {
        if self.wall.is_zero() || self.has_gap {
            return None;
        }
        let of_arm = &processes.arms[arm];
        let (busiest, server_wait) = threads_since(of_arm).unwrap_or_default();
        let server = self.server.filter(|_| is_same);
        Some(BlockCpu {
            machine_s: self.machine.as_secs_f64(),
            idle_s: self.idle.min(self.machine).as_secs_f64(),
            server_s: server.map(|it| it.as_secs_f64()),
            client_s: self.client.as_secs_f64(),
            helpers_s: self.helpers.map(|it| it.as_secs_f64()),
            others_s: self.others(of_arm, server).map(|it| it.as_secs_f64()),
            server_wait_s: server_wait.map(|it| it.as_secs_f64()),
            client_wait_s: self.client_wait.map(|it| it.as_secs_f64()),
            pressure_s: self.pressure.map(|it| it.as_secs_f64()),
            busiest_thread: busiest.map(|it| (it.as_secs_f64() / self.wall.as_secs_f64()).min(1.0)),
        })
    }

    /// What was neither idle, stolen nor the run's.
    fn others(&self, arm: &ArmProcesses, server: Option<Duration>) -> Option<Duration> {
        let server = match (arm.server.is_empty(), arm.are_known) {
            (true, true) => Duration::ZERO, // on another machine
            (true, false) => return None,
            (false, _) => server?,
        };
        let ours = server + self.client + self.helpers?;
        Some(self.machine.saturating_sub(self.idle + self.stolen + ours))
    }
}

impl Reading {
    fn take(arm: &ArmProcesses) -> Option<Self> {
        Some(Self {
            machine: counters::machine_cpu()?,
            at: Instant::now(),
            server: Arm::cpu(&arm.server),
            client: counters::own_cpu(),
            // One that has ended meanwhile used little.
            helpers: Some(
                arm.helpers
                    .iter()
                    .filter_map(|&it| counters::process_cpu(it))
                    .sum(),
            ),
            client_wait: counters::run_queue_wait(),
            pressure: counters::pressure(),
        })
    }
}

/// The longest that a thread of the server ran since the beginning, and how long all of them waited; the latter only
/// where none has ended, because its time is lost.
fn threads_since(arm: &ArmProcesses) -> Option<(Option<Duration>, Option<Duration>)> {
    let before = arm.threads.as_ref()?;
    let after = counters::threads(&arm.server)?;
    let grown = |(thread, after): (&u32, &ThreadTime)| {
        let before = before.get(thread).copied().unwrap_or_default();
        let ran = after.ran.saturating_sub(before.ran);
        (ran, after.waited.saturating_sub(before.waited))
    };
    let busiest = after.iter().map(grown).map(|(ran, _)| ran).max();
    let is_whole = before.keys().all(|thread| after.contains_key(thread));
    let waited = is_whole.then(|| after.iter().map(grown).map(|(_, waited)| waited).sum());
    Some((busiest, waited))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ms(milliseconds: u64) -> Duration {
        Duration::from_millis(milliseconds)
    }

    fn arm(server: &[u32], are_known: bool) -> ArmProcesses {
        ArmProcesses {
            server: server.to_vec(),
            helpers: Vec::new(),
            are_known,
            threads: None,
        }
    }

    /// A slice of 100 ms on two CPUs: the server ran 50 ms, the client 30, helpers 10, and 40 were idle.
    fn one_slice() -> Usage {
        let before = Reading {
            at: Instant::now(),
            machine: MachineCpu {
                total_ticks: 0,
                idle_ticks: 100,
                steal_ticks: 10,
                ticks_per_second: 100,
                cpus: 2,
            },
            server: Some(ms(5)),
            client: ms(7),
            helpers: Some(ms(1)),
            client_wait: None,
            pressure: Some(ms(3)),
        };
        let after = Reading {
            at: before.at + ms(100),
            machine: MachineCpu {
                idle_ticks: 104,
                steal_ticks: 11,
                ..before.machine
            },
            server: Some(ms(55)),
            client: ms(37),
            helpers: Some(ms(11)),
            client_wait: None,
            pressure: Some(ms(43)),
        };
        let mut usage = Usage::default();
        usage.add(&before, &after);
        usage.add(&before, &after);
        usage
    }

    fn finish(usage: Usage, arm: ArmProcesses, is_same: bool) -> BlockCpu {
        let processes = Processes { arms: vec![arm] };
        usage
            .finish(&processes, 0, is_same)
            .expect("there are figures")
    }

    #[test]
    fn what_is_neither_idle_stolen_nor_the_run_s_is_of_others() {
        let cpu = finish(one_slice(), arm(&[1], true), true);
        let wanted = BlockCpu {
            machine_s: 0.4,
            idle_s: 0.08,
            server_s: Some(0.1),
            client_s: 0.06,
            helpers_s: Some(0.02),
            others_s: Some(0.12),
            pressure_s: Some(0.08),
            ..BlockCpu::default()
        };
        assert_eq!(cpu, wanted);
    }

    #[test]
    fn nothing_is_said_of_others_where_the_server_s_own_part_is_not_known() {
        let cpu = finish(one_slice(), arm(&[1], true), false);
        assert_eq!(
            (cpu.server_s, cpu.others_s),
            (None, None),
            "processes came or went"
        );
        let mut unknown = one_slice();
        unknown.server = None;
        assert_eq!(
            finish(unknown.clone(), arm(&[], false), true).others_s,
            None
        );
        let elsewhere = finish(unknown, arm(&[], true), true);
        assert_eq!(
            elsewhere.others_s,
            Some(0.22),
            "its CPU is not this machine's"
        );
    }

    #[test]
    fn a_slice_without_a_reading_leaves_no_figures() {
        let mut usage = one_slice();
        usage.has_gap = true;
        let processes = Processes {
            arms: vec![arm(&[1], true)],
        };
        assert!(usage.finish(&processes, 0, true).is_none());
        assert!(Usage::default().finish(&processes, 0, true).is_none());
    }
}
