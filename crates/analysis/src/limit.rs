//! What limited a server in a cell, from the counters of both processes, of the machine, and Little's law. Every
//! command that says so asks here, and each threshold is here once.

use record::limited::{Limit, LimitedBy};
use record::{BlockCpu, CellResult, DELIVERIES_LOST, Environment, LoadKind};
use stats::little;
use stats::thresholds::{
    CEILING_REACHED, CLIENT_SHARE, FULL_SHARE, LITTLE_DEVIATION, NEAR_SHARE, RATE_KEPT,
};

use crate::comparisons::is_contended;
use crate::{rate, usage};

/// The figure of an overloaded server that says how fast its queue grows, in requests per second: what
/// waits in it is answered in the end, but the rate is more than the server can take.
const QUEUE_GROWTH: &str = "queue_growth_per_s";

/// What the names of limits mean, below a table.
pub const LEGEND: &str = "server, client: its CPU; one thread: of the server, which ran all the time; others: other \
     programs' CPU; waits: CPU was left, and throughput is connections ÷ latency; threads: connections waited for one, or \
     all of a pool were taken; \
     rate: the rate asked for was kept; unknown: the figures do not tell";

/// CPU there is, in cores.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Cores {
    /// In the machine, as far as this program may use them.
    pub machine: f64,
    /// That the server may use.
    pub server: f64,
    /// That the load generator may use: no more than it has threads.
    pub client: f64,
}

impl Cores {
    /// Those of a run with so many threads in its load generator, and with both sides pinned or not.
    pub fn of(
        environment: &Environment,
        threads: u32,
        server_cpus: Option<&[usize]>,
        client_cpus: Option<&[usize]>,
    ) -> Cores {
        let machine = f64::from(environment.cores.max(1));
        let pinned =
            |cpus: Option<&[usize]>| cpus.map_or(machine, |cpus| (cpus.len() as f64).min(machine));
        Cores {
            machine,
            server: pinned(server_cpus),
            client: pinned(client_cpus).min(f64::from(threads.max(1))),
        }
    }
}

/// What limits a cell; `None` if nothing was answered. `pool_threads`: size of the pool that the server declares.
pub fn limit(result: &CellResult, cores: Cores, pool_threads: Option<u64>) -> Option<Limit> {
    let latency_us = result.latency_us.mean?;
    if let Some(rate) = result.rate.filter(|&rate| keeps(result, rate)) {
        let evidence = format!("{}/s were asked for", format::per_second(rate));
        return Some(Limit {
            by: LimitedBy::Rate,
            evidence,
        });
    }
    let under_way = result.throughput_rps * latency_us / 1e6;
    let little = format!(
        "{} connections, {}/s × {} = {} under way",
        format::count(u64::from(result.concurrency)),
        format::per_second(result.throughput_rps),
        format::duration_us(latency_us),
        format::number(under_way),
    );
    if is_short_of_threads(result, under_way) {
        let never = format::counted(result.connections.never_served(), "connection");
        let evidence = format!("{never} never served; {little}");
        return Some(Limit {
            by: LimitedBy::Threads,
            evidence,
        });
    }
    let used = Used::of(result);
    let by = by_cpu(&used, cores, is_at_ceiling(result, 1.0));
    let taken = pool_threads.and_then(|threads| all_taken(result, &used, threads));
    let (by, taken) = match (by, taken) {
        (LimitedBy::Latency | LimitedBy::Unknown, Some(taken)) => {
            (LimitedBy::Threads, taken + "; ")
        }
        (by, _) => (by, String::new()),
    };
    Some(Limit {
        by,
        evidence: format!("{taken}{}; {little}", used.evidence(cores)),
    })
}

/// Whether the throughput is what the waits of the workload allow to this share of the connections.
fn is_at_ceiling(result: &CellResult, share: f64) -> bool {
    let ceiling_rps = result.ceiling_rps.map(|ceiling| share * ceiling);
    ceiling_rps.is_some_and(|ceiling| result.throughput_rps >= CEILING_REACHED * ceiling)
}

/// That all threads of a pool were taken, where the figures say so: by what the workload waits for, or because each ran
/// or waited for a CPU.
fn all_taken(result: &CellResult, used: &Used, threads: u64) -> Option<String> {
    let all = match threads {
        1 => "the only thread of its pool".to_owned(),
        _ => format!("all {} threads of its pool", format::count(threads)),
    };
    let share = threads as f64 / f64::from(result.concurrency.max(1));
    let allowed = result.ceiling_rps.map_or(0.0, |ceiling| share * ceiling);
    // What does more is no pool that takes a thread for each request.
    let is_bound = CEILING_REACHED * result.throughput_rps <= allowed;
    if share < 1.0 && is_bound && is_at_ceiling(result, share) {
        let allowed = format::per_second(allowed);
        return Some(format!(
            "{all} waited with a request, which allows {allowed}/s"
        ));
    }
    let busy = used.server? + used.server_waiting()?;
    let are_busy = busy >= FULL_SHARE * threads as f64;
    are_busy.then(|| format!("{all} ran or waited for a CPU"))
}

/// Whether an open loop's rate was kept, without what only waits in a queue that grows.
fn keeps(result: &CellResult, rate: f64) -> bool {
    let growth = result.figures.iter().find(|it| it.name == QUEUE_GROWTH);
    let growth = growth.and_then(|figure| figure.value).unwrap_or(0.0);
    rate::is_kept(result) && growth <= (1.0 - RATE_KEPT) * rate
}

/// In a closed loop, where fewer requests are under way than there are connections because some are never served. A
/// connection of an open loop may only have been refused, and a listener's part is not to ask.
fn is_short_of_threads(result: &CellResult, under_way: f64) -> bool {
    let connections = f64::from(result.concurrency);
    let listens = result.figures.iter().any(|it| it.name == DELIVERIES_LOST);
    if result.load == LoadKind::Open || listens || result.connections.never_served() == 0 {
        return false;
    }
    let deviation = little::deviation(connections, under_way, 1.0);
    under_way < connections && deviation.is_some_and(|it| it > LITTLE_DEVIATION)
}

/// CPU that was used in a cell.
struct Used {
    /// Cores used by the server.
    server: Option<f64>,
    /// Cores used by the load generator.
    client: Option<f64>,
    /// The whole machine's, where the system tells.
    machine: Option<BlockCpu>,
}

impl Used {
    fn of(result: &CellResult) -> Used {
        Used {
            server: result.server_resources.cores_used,
            client: result.client_resources.cores_used,
            machine: usage::total(&result.blocks),
        }
    }

    /// How many threads of the server were ready and had no CPU, on average.
    fn server_waiting(&self) -> Option<f64> {
        let cpu = self.machine?;
        let per_cpu_time = cpu.server_wait_s? / cpu.server_s.filter(|ran_s| *ran_s > 0.0)?;
        Some(per_cpu_time * self.server?)
    }

    /// Share of the machine that was not idle, at most 1; of our own processes where only these are known.
    fn busy(&self, cores: Cores) -> Option<f64> {
        let whole = self.machine.and_then(|cpu| cpu.busy_percent());
        let ours = self
            .server
            .zip(self.client)
            .map(|(server, client)| (server + client) / cores.machine);
        let busy = [whole.map(|percent| percent / 100.0), ours];
        busy.into_iter()
            .flatten()
            .reduce(f64::max)
            .map(|busy| busy.min(1.0))
    }

    /// Whether the machine had CPU left before other programs took theirs.
    fn is_full_by_others(&self) -> bool {
        self.machine.is_some_and(|cpu| {
            let others = cpu.others_s.and_then(|others| cpu.percent(others));
            let rest = cpu.machine_s - cpu.idle_s - cpu.others_s.unwrap_or(0.0);
            is_contended(others) && rest < FULL_SHARE * cpu.machine_s
        })
    }

    fn evidence(&self, cores: Cores) -> String {
        let told = |used: Option<f64>, of: f64| {
            used.map_or_else(
                || "CPU not available".to_owned(),
                |used| format!("{} of {} cores", format::number(used), format::number(of)),
            )
        };
        let both = match (self.server, self.client) {
            (None, None) => "no CPU figures".to_owned(),
            (server, client) => format!(
                "server {}, client {}",
                told(server, cores.server),
                told(client, cores.client),
            ),
        };
        let machine = self.machine.and_then(|cpu| {
            let percent = |share: f64| format::percent(share);
            let busy = percent(cpu.busy_percent()?);
            let others = cpu.others_s.and_then(|others| cpu.percent(others));
            let others = others.map_or_else(String::new, |it| {
                format!(", {} by other programs", percent(it))
            });
            Some(format!("; machine {busy} busy{others}"))
        });
        both + &machine.unwrap_or_default()
    }
}

/// `is_at_ceiling`: waits explain the throughput, so that less than all of the CPU limits nothing.
fn by_cpu(used: &Used, cores: Cores, is_at_ceiling: bool) -> LimitedBy {
    let is_full = |used: Option<f64>, of: f64| used.is_some_and(|used| used >= FULL_SHARE * of);
    let server_full = is_full(used.server, cores.server);
    let client_full = is_full(used.client, cores.client);
    // A client that may use a part of the machine only comes to its end before the machine does.
    if client_full && !server_full && (cores.client < cores.machine || used.server.is_none()) {
        return LimitedBy::ClientCpu;
    }
    let Some((server, client)) = used.server.zip(used.client) else {
        return LimitedBy::Unknown; // a server elsewhere
    };
    let enough = if is_at_ceiling {
        FULL_SHARE
    } else {
        NEAR_SHARE
    };
    let is_short = |used: Option<f64>, of: f64| used.is_some_and(|used| used >= enough * of);
    let server_short = is_short(used.server, cores.server);
    let busiest = used.machine.and_then(|cpu| cpu.busiest_thread);
    if cores.server > 1.0 && !server_short && is_short(busiest, 1.0) {
        return LimitedBy::ServerThread;
    }
    if is_short(used.busy(cores), 1.0) {
        if used.is_full_by_others() {
            return LimitedBy::OtherPrograms;
        }
        return if client > CLIENT_SHARE * (server + client) {
            LimitedBy::ClientCpu
        } else {
            LimitedBy::ServerCpu
        };
    }
    match (server_short, client_full) {
        (true, _) => LimitedBy::ServerCpu,
        (false, true) => LimitedBy::ClientCpu,
        // Only an idle machine shows that it was waiting.
        (false, false) if used.machine.is_none() => LimitedBy::Unknown,
        (false, false) if !is_at_ceiling && is_one_core(server) && cores.server > 1.0 => {
            LimitedBy::Unknown
        }
        (false, false) => LimitedBy::Latency,
    }
}

/// Whether a server used one core in all, as one does whose lock lets one thread run at a time.
fn is_one_core(server: f64) -> bool {
    (FULL_SHARE..=1.0 / FULL_SHARE).contains(&server)
}

/// What limited a cell, in half a sentence with its figures: `CPU limited it (99 % of 2 cores busy, ...)`.
pub fn sentence(result: &CellResult, cores: Cores, pool_threads: Option<u64>) -> String {
    let unknown = |why: &str| format!("what limited it cannot be known: {why}");
    let Some(limit) = limit(result, cores, pool_threads) else {
        return unknown("nothing was answered");
    };
    let used = Used::of(result);
    let (Some(server), Some(client)) = (used.server, used.client) else {
        return match limit.by {
            LimitedBy::ClientCpu | LimitedBy::Rate | LimitedBy::Threads => {
                format!("{} it ({})", limit.by.words(), limit.evidence)
            }
            _ => unknown("there are no CPU figures of the server"),
        };
    };
    let number = format::counted(cores.machine as u64, "core");
    let busy = used.busy(cores).unwrap_or(0.0) * 100.0;
    let busy = format!("{} of {number} busy", format::percent(busy));
    let percent_of_machine = |part_s: Option<f64>| {
        let percent = used.machine.and_then(|cpu| cpu.percent(part_s?));
        format::optional(percent, format::percent)
    };
    match limit.by {
        LimitedBy::ServerCpu | LimitedBy::ClientCpu => {
            let whole = used
                .machine
                .map(|cpu| (cpu.client_s, cpu.machine_s - cpu.idle_s));
            let (part, whole) = whole.unwrap_or((client, server + client));
            let share = format::percent((part / whole * 100.0).min(100.0));
            let what = match limit.by {
                LimitedBy::ServerCpu => "CPU",
                _ => "the load generator",
            };
            format!("{what} limited it ({busy}, {share} of that in the load generator)")
        }
        LimitedBy::ServerThread => {
            let busiest = used.machine.and_then(|cpu| cpu.busiest_thread);
            let ran = format::optional(busiest.map(|share| share * 100.0), format::percent);
            format!("a single thread of the server limited it: it ran {ran} of the time ({busy})")
        }
        LimitedBy::OtherPrograms => {
            let others = percent_of_machine(used.machine.and_then(|cpu| cpu.others_s));
            let ours = percent_of_machine(used.machine.map(|cpu| cpu.ours_s()));
            format!("other programs limited it ({busy}: {others} by them, {ours} by the run)")
        }
        LimitedBy::Latency => {
            format!(
                "waiting limited it, not CPU ({busy}; {} connections, each waiting {} for an answer)",
                format::count(u64::from(result.concurrency)),
                format::optional(result.latency_us.mean, format::duration_us),
            )
        }
        LimitedBy::Threads | LimitedBy::Rate => {
            format!("{} it ({})", limit.by.words(), limit.evidence)
        }
        LimitedBy::Unknown if used.machine.is_none() => {
            unknown("there are no CPU figures of the whole machine")
        }
        LimitedBy::Unknown => unknown(&format!(
            "the server used {} cores and {}, as with a lock that lets one run at a time, or by chance ({busy})",
            format::number(server),
            match used.machine.and_then(|cpu| cpu.busiest_thread) {
                Some(_) => "no thread ran all the time",
                None => "how long each thread ran was not seen",
            },
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::cells::result;
    use record::Block;

    const CORES: Cores = Cores {
        machine: 2.0,
        server: 2.0,
        client: 2.0,
    };

    const HALF: Cores = Cores {
        server: 1.0,
        client: 1.0,
        ..CORES
    };

    /// Of a machine of two cores over a second.
    fn used(server: f64, client: f64, others_s: f64, busiest_thread: f64) -> Used {
        let machine = BlockCpu {
            machine_s: 2.0,
            idle_s: (2.0 - server - client - others_s).max(0.0),
            server_s: Some(server),
            client_s: client,
            helpers_s: Some(0.0),
            others_s: Some(others_s),
            busiest_thread: Some(busiest_thread),
            ..BlockCpu::default()
        };
        Used {
            server: Some(server),
            client: Some(client),
            machine: Some(machine),
        }
    }

    fn limited(server: f64, client: f64, cores: Cores) -> LimitedBy {
        by_cpu(&used(server, client, 0.0, 0.1), cores, false)
    }

    #[test]
    fn the_larger_consumer_of_a_full_machine_is_the_limit() {
        assert_eq!(limited(1.0, 0.95, CORES), LimitedBy::ServerCpu);
        assert_eq!(limited(0.9, 1.05, CORES), LimitedBy::ServerCpu, "half each");
        assert_eq!(limited(0.5, 1.4, CORES), LimitedBy::ClientCpu);
    }

    /// A closed loop of 100 connections that answered so many requests per second, of 1,000 that its waits allow.
    fn waiting_cell(rps: f64, used: &Used) -> CellResult {
        let mut cell = result("a", &[rps]);
        cell.concurrency = 100;
        cell.throughput_rps = rps;
        cell.ceiling_rps = Some(1_000.0);
        cell.latency_us.mean = Some(100e6 / rps);
        cell.server_resources.cores_used = used.server;
        cell.client_resources.cores_used = used.client;
        cell.blocks = vec![Block {
            cpu: used.machine,
            ..Block::default()
        }];
        cell
    }

    fn by(cell: &CellResult, pool_threads: Option<u64>) -> LimitedBy {
        limit(cell, CORES, pool_threads).unwrap().by
    }

    #[test]
    fn a_machine_that_is_nearly_full_is_short_of_cpu_unless_waits_explain_the_throughput() {
        assert_eq!(limited(1.35, 0.25, CORES), LimitedBy::ServerCpu, "80 %");
        assert_eq!(limited(1.30, 0.25, CORES), LimitedBy::Latency, "77.5 %");
        assert_eq!(limited(0.5, 1.12, CORES), LimitedBy::ClientCpu);
        assert_eq!(limited(0.80, 0.1, HALF), LimitedBy::ServerCpu);
        assert_eq!(limited(0.78, 0.1, HALF), LimitedBy::Latency);
        let busy = used(1.35, 0.25, 0.0, 0.1);
        assert_eq!(by(&waiting_cell(949.0, &busy), None), LimitedBy::ServerCpu);
        assert_eq!(by(&waiting_cell(950.0, &busy), None), LimitedBy::Latency);
        let full = used(1.6, 0.25, 0.0, 0.1);
        assert_eq!(by(&waiting_cell(950.0, &full), None), LimitedBy::ServerCpu);
    }

    #[test]
    fn a_pool_whose_threads_all_wait_with_a_request_is_the_limit() {
        let idle = used(0.2, 0.2, 0.0, 0.1);
        let of_20 = |rps| by(&waiting_cell(rps, &idle), Some(20));
        assert_eq!(of_20(190.0), LimitedBy::Threads);
        assert_eq!(of_20(189.0), LimitedBy::Latency);
        assert_eq!(by(&waiting_cell(190.0, &idle), None), LimitedBy::Latency);
        let as_many = by(&waiting_cell(990.0, &idle), Some(100));
        assert_eq!(
            as_many,
            LimitedBy::Latency,
            "no connection waits for a thread"
        );
        let told = limit(&waiting_cell(190.0, &idle), CORES, Some(20)).unwrap();
        let begins = "all 20 threads of its pool waited with a request, which allows 200/s";
        assert!(told.evidence.starts_with(begins), "{told:?}");
    }

    #[test]
    fn a_pool_whose_threads_all_run_or_wait_for_a_cpu_is_the_limit() {
        let taken = |server: f64, waited_s| {
            let mut used = used(server, 0.1, 0.0, 0.3);
            used.machine.as_mut().unwrap().server_wait_s = waited_s;
            by(&waiting_cell(100.0, &used), Some(2))
        };
        assert_eq!(taken(0.7, Some(1.1)), LimitedBy::Threads);
        assert_eq!(taken(0.7, Some(1.0)), LimitedBy::Latency);
        assert_eq!(taken(0.7, None), LimitedBy::Latency, "nobody can tell");
        assert_eq!(
            taken(1.7, Some(1.1)),
            LimitedBy::ServerCpu,
            "more threads would not help"
        );
    }

    #[test]
    fn a_server_that_uses_one_core_in_all_may_have_a_lock() {
        assert_eq!(limited(0.90, 0.2, CORES), LimitedBy::Unknown);
        assert_eq!(limited(0.89, 0.2, CORES), LimitedBy::Latency);
        assert_eq!(limited(1.12, 0.2, CORES), LimitedBy::Latency);
        let busy = used(1.0, 0.2, 0.0, 0.1);
        assert_eq!(by(&waiting_cell(960.0, &busy), None), LimitedBy::Latency);
    }

    #[test]
    fn a_rate_that_was_kept_is_the_limit_and_one_that_was_not_is_none() {
        let mut cell = waiting_cell(100.0, &used(0.2, 0.2, 0.0, 0.1));
        (cell.load, cell.rate) = (LoadKind::Open, Some(100.0));
        (cell.requests, cell.duration_s) = (1_000, 10.0);
        assert_eq!(by(&cell, None), LimitedBy::Rate);
        (cell.errors.timeout, cell.errors.total) = (11, 11);
        assert_eq!(by(&cell, None), LimitedBy::Latency);
    }

    #[test]
    fn idle_cpu_means_waiting_unless_one_side_has_none_left() {
        assert_eq!(limited(0.2, 0.3, CORES), LimitedBy::Latency);
        assert_eq!(limited(0.95, 0.5, HALF), LimitedBy::ServerCpu);
        assert_eq!(limited(0.3, 0.95, HALF), LimitedBy::ClientCpu);
    }

    #[test]
    fn a_client_without_a_core_left_is_the_limit_of_a_full_machine_too() {
        assert_eq!(limited(0.85, 0.99, HALF), LimitedBy::ClientCpu);
        assert_eq!(limited(0.99, 0.99, HALF), LimitedBy::ServerCpu);
        let one_thread = Cores {
            client: 1.0,
            ..CORES
        };
        assert_eq!(limited(0.85, 0.99, one_thread), LimitedBy::ClientCpu);
        assert_eq!(limited(1.2, 0.7, one_thread), LimitedBy::ServerCpu);
    }

    #[test]
    fn a_machine_that_others_filled_is_not_limited_by_waiting() {
        let by = |others| by_cpu(&used(0.4, 0.36, others, 0.1), CORES, false);
        assert_eq!(by(1.24), LimitedBy::OtherPrograms);
        assert_eq!(by(0.6), LimitedBy::Latency, "some of it was idle");
        let nearly_alone = used(1.0, 0.75, 0.08, 0.1);
        assert_eq!(by_cpu(&nearly_alone, CORES, false), LimitedBy::ServerCpu);
    }

    #[test]
    fn a_thread_that_computes_all_the_time_is_the_limit_of_its_server() {
        let by = |busiest| by_cpu(&used(0.97, 0.3, 0.0, busiest), CORES, false);
        assert_eq!(by(0.97), LimitedBy::ServerThread);
        assert_eq!(by(0.8), LimitedBy::ServerThread);
        assert_eq!(by(0.79), LimitedBy::Unknown, "a lock, or chance");
        let by_two = |busiest| by_cpu(&used(1.2, 0.3, 0.0, busiest), CORES, false);
        assert_eq!(by_two(0.79), LimitedBy::Latency);
        let crowded = used(0.95, 0.5, 0.55, 0.95);
        assert_eq!(
            by_cpu(&crowded, CORES, false),
            LimitedBy::ServerThread,
            "more CPU would not help"
        );
        assert_eq!(
            by_cpu(&used(0.97, 0.3, 0.0, 0.97), HALF, false),
            LimitedBy::ServerCpu
        );
    }

    #[test]
    fn nobody_is_said_to_have_waited_where_nobody_looked_at_the_machine() {
        let mut unknown = used(0.2, 0.3, 0.0, 0.1);
        unknown.machine = None;
        assert_eq!(by_cpu(&unknown, CORES, false), LimitedBy::Unknown);
        unknown.server = Some(1.7);
        assert_eq!(
            by_cpu(&unknown, CORES, false),
            LimitedBy::ServerCpu,
            "it was full by us alone"
        );
    }

    #[test]
    fn a_sentence_holds_the_figures_it_rests_on() {
        let said = |used: Used, connections: u32| {
            let mut cell = result("sync", &[1_000.0]);
            cell.concurrency = connections;
            cell.server_resources.cores_used = used.server;
            cell.client_resources.cores_used = used.client;
            cell.blocks = vec![Block {
                cpu: used.machine,
                ..Block::default()
            }];
            sentence(&cell, CORES, None)
        };
        assert_eq!(
            said(used(0.4, 0.36, 1.24, 0.1), 10),
            "other programs limited it (100 % of 2 cores busy: 62 % by them, 38 % by the run)"
        );
        assert_eq!(
            said(used(0.97, 0.3, 0.0, 0.97), 10),
            "a single thread of the server limited it: it ran 97 % of the time (63.5 % of 2 cores busy)"
        );
        assert_eq!(
            said(used(1.2, 0.8, 0.0, 0.6), 10),
            "CPU limited it (100 % of 2 cores busy, 40 % of that in the load generator)"
        );
        assert_eq!(
            said(used(0.95, 0.3, 0.0, 0.1), 10),
            "what limited it cannot be known: the server used 0.950 cores and no thread ran all the time, as with a lock that lets one run at a time, or by chance (62.5 % of 2 cores busy)"
        );
    }

    #[test]
    fn a_server_elsewhere_is_limited_by_a_client_that_is_full() {
        let mut cell = result("elsewhere", &[1_000.0]);
        cell.server_resources.cores_used = None;
        cell.client_resources.cores_used = Some(1.85);
        let limit = limit(&cell, CORES, None).unwrap();
        assert_eq!(limit.by, LimitedBy::ClientCpu);
        assert!(
            limit
                .evidence
                .starts_with("server CPU not available, client 1.85 of 2.00 cores"),
            "{limit:?}"
        );
    }

    #[test]
    fn connections_that_are_never_served_wait_for_threads() {
        let mut cell = result("sync-pool", &[1_000.0]);
        cell.concurrency = 1_000;
        cell.connections.unanswered = 800;
        let of_threads = limit(&cell, CORES, None).unwrap();
        assert_eq!(of_threads.by, LimitedBy::Threads);
        let told = "800 connections never served";
        assert!(of_threads.evidence.starts_with(told), "{of_threads:?}");
        // They hang in answers that were lost: each had been served before.
        cell.connections.never_served = Some(0);
        assert_ne!(limit(&cell, CORES, None).unwrap().by, LimitedBy::Threads);
    }

    #[test]
    fn nothing_answered_has_no_limit_and_no_counters_an_unknown_one() {
        let mut cell = result("sync", &[1_000.0]);
        cell.server_resources.cores_used = None;
        assert_eq!(limit(&cell, CORES, None).unwrap().by, LimitedBy::Unknown);
        cell.latency_us.mean = None;
        assert_eq!(limit(&cell, CORES, None), None);
    }
}
