//! Who used the machine's CPU while a server was loaded: the server, the load generator, what helps the run, others.
//! The one place that reads counters at the edges of slices.
//!
//! What belongs to the run is known by process; the rest of what the machine did is of others. CPU times of
//! processes are told to the nanosecond, idle time of the machine in ticks of 10 ms, so differences of single slices
//! are rough and those of a block are good: rounding averages out.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use analysis::comparisons::is_contended;
use record::BlockCpu;

use crate::counters::{self, MachineCpu, ThreadTime, with};
use crate::pids::Pids;
use crate::server_under_test::ServerUnderTest;
use crate::stderr;

/// How long is looked whether the machine is busy already: a few percent can be told from ticks of 10 ms.
const LOOK: Duration = Duration::from_millis(300);

/// Says, unless `quiet`, when other programs use the machine's CPU before anything is started.
pub fn say_if_busy(quiet: bool) {
    if quiet {
        return;
    }
    let sut = SutProcesses {
        server: Vec::new(),
        helpers: Vec::new(),
        are_known: true,
        threads: None,
    };
    let processes = Processes { suts: vec![sut] };
    let mut usage = Usage::default();
    let before = Reading::take(&processes, 0);
    std::thread::sleep(LOOK);
    usage.add(&before, &Reading::take(&processes, 0));
    let cpu = usage.finish(&processes, 0, true);
    let percent = cpu.and_then(|cpu| cpu.percent(cpu.others_s?));
    if let Some(percent) = percent.filter(|&percent| is_contended(Some(percent))) {
        stderr::progress(
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
    suts: Vec<SutProcesses>,
}

struct SutProcesses {
    /// Of its server.
    server: Vec<u32>,
    /// Everything else of the run but the load generator itself.
    helpers: Vec<u32>,
    /// Whether the server's processes on this machine are known; on another machine it has none.
    are_known: bool,
    /// What the server's threads had done at the beginning.
    threads: Option<HashMap<u32, ThreadTime>>,
}

/// Who used how much over the slices of one server so far. What could not be read at any edge is not available.
#[derive(Clone, Default)]
pub struct Usage {
    wall: Duration,
    machine: Option<MachineTime>,
    /// CPU time of the server's processes.
    pub server: Option<Duration>,
    /// CPU time of the load generator.
    pub client: Duration,
    helpers: Option<Duration>,
    /// Time in which the load generator's threads were ready but had no CPU.
    pub client_wait: Option<Duration>,
    pressure: Option<Duration>,
    /// Context switches of the load generator.
    pub client_switches: Option<u64>,
    /// Periods in which a control group's CPU limit held server or client back.
    pub throttled_periods: Option<u64>,
}

/// CPU time of the whole machine.
#[derive(Clone, Copy)]
struct MachineTime {
    whole: Duration,
    idle: Duration,
    stolen: Duration,
}

/// All counters at an edge of a slice.
#[derive(Clone, Copy)]
pub struct Reading {
    at: Instant,
    machine: Option<MachineCpu>,
    server: Option<Duration>,
    client: Duration,
    helpers: Option<Duration>,
    client_wait: Option<Duration>,
    pressure: Option<Duration>,
    client_switches: Option<u64>,
    throttled_periods: Option<u64>,
}

impl Processes {
    /// Those of servers whose processes are `pids`; threads are looked at of the servers that are loaded.
    pub fn of(suts: &[ServerUnderTest], pids: &[Vec<u32>], loaded: &[usize]) -> Self {
        let servers: Vec<u32> = pids.iter().flatten().copied().collect();
        let own = counters::process_tree(std::process::id(), &servers);
        let all = own.into_iter().skip(1).chain(servers);
        let mut all: Vec<u32> = all.collect();
        all.sort_unstable();
        all.dedup();
        let sut = |(number, (sut, server)): (usize, (&ServerUnderTest, &Vec<u32>))| SutProcesses {
            helpers: all
                .iter()
                .copied()
                .filter(|it| !server.contains(it))
                .collect(),
            are_known: sut.pids() != Pids::Unknown,
            threads: loaded
                .contains(&number)
                .then(|| counters::threads(server))
                .flatten(),
            server: server.clone(),
        };
        Self {
            suts: suts.iter().zip(pids).enumerate().map(sut).collect(),
        }
    }
}

impl Usage {
    /// Adds a slice, of which these are the edges.
    pub fn add(&mut self, before: &Reading, after: &Reading) {
        let is_first = self.wall.is_zero();
        let time = |sum, of: fn(&Reading) -> Option<Duration>| {
            let grown = || Some(of(after)?.saturating_sub(of(before)?));
            with(sum, grown(), is_first)
        };
        let count = |sum, of: fn(&Reading) -> Option<u64>| {
            let grown = || Some(of(after)?.saturating_sub(of(before)?));
            with(sum, grown(), is_first)
        };
        self.machine = with(self.machine, MachineTime::between(before, after), is_first);
        self.client += after.client.saturating_sub(before.client);
        self.server = time(self.server, |it| it.server);
        self.helpers = time(self.helpers, |it| it.helpers);
        self.client_wait = time(self.client_wait, |it| it.client_wait);
        self.pressure = time(self.pressure, |it| it.pressure);
        self.client_switches = count(self.client_switches, |it| it.client_switches);
        self.throttled_periods = count(self.throttled_periods, |it| it.throttled_periods);
        self.wall += after.at - before.at;
    }

    /// What a record keeps of it; `None` where the system does not tell. `is_same`: no process of the server came or
    /// went.
    pub fn finish(&self, processes: &Processes, sut: usize, is_same: bool) -> Option<BlockCpu> {
        let machine = self.machine?;
        let of_sut = &processes.suts[sut];
        let (busiest, server_wait) = threads_since(of_sut).unwrap_or_default();
        let server = self.server.filter(|_| is_same);
        Some(BlockCpu {
            machine_s: machine.whole.as_secs_f64(),
            idle_s: machine.idle.min(machine.whole).as_secs_f64(),
            server_s: server.map(|it| it.as_secs_f64()),
            client_s: self.client.as_secs_f64(),
            helpers_s: self.helpers.map(|it| it.as_secs_f64()),
            others_s: self
                .others(machine, of_sut, server)
                .map(|it| it.as_secs_f64()),
            server_wait_s: server_wait.map(|it| it.as_secs_f64()),
            client_wait_s: self.client_wait.map(|it| it.as_secs_f64()),
            pressure_s: self.pressure.map(|it| it.as_secs_f64()),
            busiest_thread: busiest.map(|it| (it.as_secs_f64() / self.wall.as_secs_f64()).min(1.0)),
        })
    }

    /// What was neither idle, stolen nor the run's.
    fn others(
        &self,
        machine: MachineTime,
        sut: &SutProcesses,
        server: Option<Duration>,
    ) -> Option<Duration> {
        let server = match (sut.server.is_empty(), sut.are_known) {
            (true, true) => Duration::ZERO, // on another machine
            (true, false) => return None,
            (false, _) => server?,
        };
        let ours = server + self.client + self.helpers?;
        Some(
            machine
                .whole
                .saturating_sub(machine.idle + machine.stolen + ours),
        )
    }
}

impl MachineTime {
    fn between(before: &Reading, after: &Reading) -> Option<Self> {
        let (earlier, later) = (before.machine?, after.machine?);
        Some(Self {
            whole: (after.at - before.at) * later.cpus,
            idle: later.idle_since(earlier),
            stolen: later.stolen_since(earlier),
        })
    }
}

impl std::ops::Add for MachineTime {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            whole: self.whole + other.whole,
            idle: self.idle + other.idle,
            stolen: self.stolen + other.stolen,
        }
    }
}

impl Reading {
    /// Now, of a server that is loaded or is about to be.
    pub fn take(processes: &Processes, sut: usize) -> Self {
        let sut = &processes.suts[sut];
        Self {
            machine: counters::machine_cpu(),
            at: Instant::now(),
            server: ServerUnderTest::cpu(&sut.server),
            client: counters::own_cpu(),
            // One that has ended meanwhile used little.
            helpers: Some(
                sut.helpers
                    .iter()
                    .filter_map(|&it| counters::process_cpu(it))
                    .sum(),
            ),
            client_wait: counters::run_queue_wait(),
            pressure: counters::pressure(),
            client_switches: counters::own_switches(),
            throttled_periods: counters::throttled_periods(),
        }
    }
}

/// The longest that a thread of the server ran since the beginning, and how long all of them waited; the latter only
/// where none has ended, because its time is lost.
fn threads_since(sut: &SutProcesses) -> Option<(Option<Duration>, Option<Duration>)> {
    let before = sut.threads.as_ref()?;
    let after = counters::threads(&sut.server)?;
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

    fn sut(server: &[u32], are_known: bool) -> SutProcesses {
        SutProcesses {
            server: server.to_vec(),
            helpers: Vec::new(),
            are_known,
            threads: None,
        }
    }

    /// A slice of 100 ms on two CPUs: the server ran 50 ms, the client 30, helpers 10, and 40 were idle.
    fn one_slice() -> Usage {
        let machine = MachineCpu {
            total_ticks: 0,
            idle_ticks: 100,
            steal_ticks: 10,
            ticks_per_second: 100,
            cpus: 2,
        };
        let before = Reading {
            at: Instant::now(),
            machine: Some(machine),
            server: Some(ms(5)),
            client: ms(7),
            helpers: Some(ms(1)),
            client_wait: None,
            pressure: Some(ms(3)),
            client_switches: Some(20),
            throttled_periods: Some(0),
        };
        let after = Reading {
            at: before.at + ms(100),
            machine: Some(MachineCpu {
                idle_ticks: 104,
                steal_ticks: 11,
                ..machine
            }),
            server: Some(ms(55)),
            client: ms(37),
            helpers: Some(ms(11)),
            client_wait: None,
            pressure: Some(ms(43)),
            client_switches: Some(25),
            throttled_periods: None,
        };
        let mut usage = Usage::default();
        usage.add(&before, &after);
        usage.add(&before, &after);
        assert_eq!(
            (usage.client_switches, usage.throttled_periods),
            (Some(10), None)
        );
        usage
    }

    fn unknown_server() -> Processes {
        Processes {
            suts: vec![sut(&[], false)],
        }
    }

    fn finish(usage: Usage, sut: SutProcesses, is_same: bool) -> BlockCpu {
        let processes = Processes { suts: vec![sut] };
        usage
            .finish(&processes, 0, is_same)
            .expect("there are figures")
    }

    #[test]
    fn what_is_neither_idle_stolen_nor_the_run_s_is_of_others() {
        let cpu = finish(one_slice(), sut(&[1], true), true);
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
        let cpu = finish(one_slice(), sut(&[1], true), false);
        assert_eq!(
            (cpu.server_s, cpu.others_s),
            (None, None),
            "processes came or went"
        );
        let mut unknown = one_slice();
        unknown.server = None;
        assert_eq!(
            finish(unknown.clone(), sut(&[], false), true).others_s,
            None
        );
        let elsewhere = finish(unknown, sut(&[], true), true);
        assert_eq!(
            elsewhere.others_s,
            Some(0.22),
            "its CPU is not this machine's"
        );
    }

    #[test]
    fn a_slice_without_a_reading_leaves_no_figures() {
        let mut usage = one_slice();
        let unread = Reading {
            machine: None,
            server: None,
            ..Reading::take(&unknown_server(), 0)
        };
        usage.add(&unread, &unread);
        usage.add(&unread, &unread);
        assert_eq!(usage.server, None, "less than all of it would be a lie");
        let processes = Processes {
            suts: vec![sut(&[1], true)],
        };
        assert!(usage.finish(&processes, 0, true).is_none());
        assert!(Usage::default().finish(&processes, 0, true).is_none());
    }
}
