//! Reasons to distrust a number, each with its number: one list of them, one sentence for each.

use std::fmt;

use record::summary::PERCENTILES;
use record::{CellResult, ErrorCounts, Warning};
use stats::thresholds::{PAUSE_LIMIT_MS, SEND_LAG_LIMIT_US, STEAL_WARN_PERCENT};

use crate::closings::Closings;
use crate::little::{Account, Deviation};

/// A reason to distrust a number. Where it concerns one server, `cell` names server and load.
#[derive(Debug, Clone, PartialEq)]
pub enum Caveat {
    /// The program was built without optimisation.
    UnoptimisedBuild {
        /// Cargo profile.
        profile: String,
    },
    /// The run was ended early.
    Interrupted,
    /// Another guest of the same host took CPU time.
    Steal {
        /// Worst block, in percent of all CPU time.
        worst_percent: f64,
        /// Blocks above 1 %.
        blocks: usize,
        /// All blocks.
        of: usize,
    },
    /// Other programs used the machine's CPU.
    OtherPrograms {
        /// Over all blocks, in percent of the machine's CPU time.
        percent: f64,
        /// In the worst block of a server.
        worst_percent: f64,
    },
    /// A server runs on this machine, and its processes are not known.
    OthersUnknown {
        /// The servers.
        servers: Vec<String>,
    },
    /// Blocks are left out of comparisons for what happened to the whole machine.
    BlocksDropped {
        /// Blocks left out.
        blocks: usize,
        /// All blocks.
        of: usize,
        /// Why the first was.
        why: String,
    },
    /// The CPU's clock speed differed between blocks.
    ClockSpread {
        /// Shortest fixed spin in microseconds.
        fastest_us: f64,
        /// Longest in microseconds.
        slowest_us: f64,
    },
    /// The client sent so late that its latencies tell of itself.
    SendLag {
        /// Server and load.
        cell: String,
        /// Worst block's 99th percentile in microseconds.
        worst_us: f64,
        /// Blocks whose 99th percentile was 1 ms or more.
        blocks: usize,
        /// Those of them whose 90th percentile was, too.
        median_blocks: usize,
        /// All blocks.
        of: usize,
    },
    /// Throughput × latency is not the number of connections, and nothing that was counted explains it.
    LittlesLaw {
        /// Server and load.
        cell: String,
        /// Connections.
        concurrency: u32,
        /// By how much, and which way.
        deviation: Deviation,
    },
    /// The server was still getting faster or slower within its blocks.
    NotWarmedUp {
        /// Server and load.
        cell: String,
        /// Lower end of the interval of last ÷ first third.
        low: f64,
        /// Upper end.
        high: f64,
    },
    /// Not everything was answered as expected.
    Errors {
        /// Server and load.
        cell: String,
        /// Errors by kind.
        errors: ErrorCounts,
        /// Requests beside them.
        requests: u64,
        /// Where connections were refused or not served: most descriptors that the server had open, and how many it may have.
        descriptors: Option<(u64, u64)>,
    },
    /// The server was not there for a part of the time.
    ServerDown {
        /// Server and load.
        cell: String,
        /// Measured time in which nothing was answered and something failed, in seconds.
        down_s: f64,
        /// All measured time in seconds.
        duration_s: f64,
    },
    /// Connections that never got an answer.
    Unanswered {
        /// Server and load.
        cell: String,
        /// Connections without any answer.
        unanswered: u64,
        /// All its connections.
        connections: u64,
    },
    /// The server closed connections that were to be kept alive.
    ServerCloses {
        /// Server and load.
        cell: String,
        /// How.
        closings: Closings,
    },
    /// The server does not close connections that it is asked to close.
    LeftOpen {
        /// Server and load.
        cell: String,
        /// Connections that it left open for a second.
        connections: u64,
        /// Connections that were made.
        of: u64,
    },
    /// Answers come in two parts, the second of which waits for an acknowledgement of the first.
    HeldBack {
        /// Server and load.
        cell: String,
        /// Answers of which that is so.
        answers: u64,
        /// All of them.
        of: u64,
    },
    /// Requests of an open loop were late or given up.
    RateNotKept {
        /// Server and load.
        cell: String,
        /// Requests due in the windows.
        planned: u64,
        /// Those answered in them.
        in_time: u64,
    },
    /// Requests of an open loop are missing or late because others failed.
    RateLostToErrors {
        /// Server and load.
        cell: String,
        /// Requests due in the windows.
        planned: u64,
        /// Those answered in them.
        in_time: u64,
        /// Errors by kind.
        errors: ErrorCounts,
    },
    /// The load generator itself had no CPU left at a fixed rate.
    ClientBusy {
        /// Server and load.
        cell: String,
        /// On-CPU time and run-queue wait of the client's threads, in percent of their time.
        busy_percent: f64,
    },
    /// The load generator itself stood still.
    ClientPaused {
        /// Server and load.
        cell: String,
        /// Longest pause in milliseconds.
        worst_ms: f64,
        /// Blocks that hold a pause of 100 ms or more.
        blocks: usize,
        /// All blocks.
        of: usize,
    },
    /// Percentiles that too few requests support.
    TooFewRequests {
        /// Server and load.
        cell: String,
        /// Requests.
        requests: u64,
        /// Those of them whose latency is known: fewer where blocks were left out.
        known: u64,
        /// Field names of the percentiles that are missing.
        percentiles: Vec<&'static str>,
    },
    /// Connection requests were lost and sent again, somewhere on this machine: each costs a second.
    SynRetransmits {
        /// Retransmitted SYN packets of the machine during the run.
        count: u64,
        /// What this run's own connects saw.
        connects: Connects,
    },
    /// A listener's queue was full, somewhere on this machine.
    ListenOverflows {
        /// Overflows of the machine during the run.
        count: u64,
        /// What this run's own connects saw.
        connects: Connects,
    },
    /// A control group held the CPU back.
    Throttled {
        /// Periods in which it did.
        periods: u64,
    },
    /// Not all servers could stay connected, so that they were loaded in turns.
    TakenInTurns {
        /// Connections to each server.
        connections: u64,
        /// Servers.
        servers: usize,
        /// Open files allowed.
        limit: u64,
    },
}

/// How slow the connects of a run were, and how many failed.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Connects {
    /// The slowest in microseconds.
    pub slowest_us: f64,
    /// Those that failed.
    pub failed: u64,
}

/// `3 connects of this run failed, and the slowest took 1.02 s`.
impl fmt::Display for Connects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let failed = (self.failed > 0).then(|| {
            format!(
                "{} of this run failed",
                format::counted(self.failed, "connect")
            )
        });
        let slowest = (self.slowest_us > 0.0)
            .then(|| format!("the slowest took {}", format::duration_us(self.slowest_us)));
        match (failed, slowest) {
            (Some(failed), Some(slowest)) => write!(f, "{failed}, and {slowest}"),
            (Some(failed), None) => f.write_str(&failed),
            (None, Some(slowest)) => write!(f, "Of the connects of this run {slowest}"),
            (None, None) => f.write_str("No connect of this run was slow"),
        }
    }
}

impl Caveat {
    /// Codes of the reasons that [`checks::reasons`](super::checks::reasons) derives from a record; the others only a run can see.
    pub const DERIVED: &'static [&'static str] = &[
        "unoptimised_build",
        "interrupted",
        "steal",
        "other_programs",
        "others_unknown",
        "blocks_dropped",
        "clock_spread",
        "send_lag",
        "littles_law",
        "not_warmed_up",
        "errors",
        "server_down",
        "unanswered_connections",
        "server_closes",
        "left_open",
        "held_back",
        "rate_not_kept",
        "rate_lost_to_errors",
        "client_busy",
        "client_paused",
        "too_few_requests",
        "syn_retransmits",
        "listen_overflows",
        "throttled",
    ];

    /// Its stable code.
    pub fn code(&self) -> &'static str {
        match self {
            Caveat::UnoptimisedBuild { .. } => "unoptimised_build",
            Caveat::Interrupted => "interrupted",
            Caveat::Steal { .. } => "steal",
            Caveat::OtherPrograms { .. } => "other_programs",
            Caveat::OthersUnknown { .. } => "others_unknown",
            Caveat::BlocksDropped { .. } => "blocks_dropped",
            Caveat::ClockSpread { .. } => "clock_spread",
            Caveat::SendLag { .. } => "send_lag",
            Caveat::LittlesLaw { .. } => "littles_law",
            Caveat::NotWarmedUp { .. } => "not_warmed_up",
            Caveat::Errors { .. } => "errors",
            Caveat::ServerDown { .. } => "server_down",
            Caveat::Unanswered { .. } => "unanswered_connections",
            Caveat::ServerCloses { .. } => "server_closes",
            Caveat::LeftOpen { .. } => "left_open",
            Caveat::HeldBack { .. } => "held_back",
            Caveat::RateNotKept { .. } => "rate_not_kept",
            Caveat::RateLostToErrors { .. } => "rate_lost_to_errors",
            Caveat::ClientBusy { .. } => "client_busy",
            Caveat::ClientPaused { .. } => "client_paused",
            Caveat::TooFewRequests { .. } => "too_few_requests",
            Caveat::SynRetransmits { .. } => "syn_retransmits",
            Caveat::ListenOverflows { .. } => "listen_overflows",
            Caveat::Throttled { .. } => "throttled",
            Caveat::TakenInTurns { .. } => "connections_in_turns",
        }
    }
}

impl From<Caveat> for Warning {
    fn from(reason: Caveat) -> Warning {
        Warning {
            code: reason.code().to_owned(),
            message: reason.to_string(),
        }
    }
}

impl fmt::Display for Caveat {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Caveat::UnoptimisedBuild { profile } => write!(
                f,
                "This is an unoptimised build (profile {profile}): every figure is of code nobody would run. Build with optimisation."
            ),
            Caveat::Interrupted => {
                f.write_str("The run was ended early: less was measured than was asked for.")
            }
            Caveat::Steal {
                worst_percent,
                blocks,
                of,
            } => write!(
                f,
                "The hypervisor took up to {} of the CPU time ({blocks} of {of} blocks above {}): another guest disturbed the run.",
                format::percent(*worst_percent),
                format::percent(STEAL_WARN_PERCENT),
            ),
            Caveat::OtherPrograms {
                percent,
                worst_percent,
            } => write!(
                f,
                "Other programs used {} of this machine's CPU while it was measured, up to {} in a block: they hit each server in another way, and turns do not cancel that. End them, or measure on a quieter machine.",
                format::percent(*percent),
                format::percent(*worst_percent),
            ),
            Caveat::OthersUnknown { servers } => write!(
                f,
                "{}: which processes serve is not known (another user's, or some that came or went), so nothing is said of what other programs used.",
                format::list(servers),
            ),
            Caveat::BlocksDropped { blocks, of, why } => {
                write!(
                    f,
                    "{blocks} of {of} blocks are left out of the comparisons: {why}."
                )
            }
            Caveat::ClockSpread {
                fastest_us,
                slowest_us,
            } => write!(
                f,
                "The CPU's clock varied by {} between blocks (a fixed spin took {} to {}): trust ratios, not absolute figures.",
                format::percent((slowest_us / fastest_us - 1.0) * 100.0),
                format::duration_us(*fastest_us),
                format::duration_us(*slowest_us),
            ),
            Caveat::SendLag {
                cell,
                worst_us,
                blocks,
                median_blocks,
                of,
            } => write!(
                f,
                "{cell}: requests left late, p99 up to {} ({blocks} of {of} blocks at {limit} or more): p99 latency of those blocks tells of the client; p50 is not compared where p90 was as late ({median_blocks} of {of}).",
                format::duration_us(*worst_us),
                limit = format::duration_us(SEND_LAG_LIMIT_US),
            ),
            Caveat::LittlesLaw {
                cell,
                concurrency,
                deviation,
            } => write!(
                f,
                "{cell}: throughput × mean latency is {}, {} (Little's law): by what requests waited, throughput is {}/s.",
                format::number(deviation.under_way),
                match deviation.account {
                    Account::TooLittle => format!(
                        "not the {concurrency} connections: they spent time in which they waited for nothing that was measured"
                    ),
                    Account::TooMuch => format!(
                        "more than the {concurrency} connections: requests waited longer than was measured, for answers or to be given up"
                    ),
                },
                format::per_second(deviation.by_latency_rps),
            ),
            Caveat::NotWarmedUp { cell, low, high } => write!(
                f,
                "{cell}: throughput in the last third of a block was {} times that in the first: not warmed up, use a longer --warmup.",
                format::interval(*low, *high),
            ),
            Caveat::Errors {
                cell,
                errors,
                requests,
                descriptors,
            } => write!(
                f,
                "{cell}: {} ({}) beside {}{}.",
                format::counted(errors.total, "error"),
                error_kinds(errors),
                format::counted(*requests, "request"),
                descriptors.map_or_else(String::new, |(open, limit)| format!(
                    "; the server had up to {} of at most {} open",
                    format::count(open),
                    format::counted(limit, "descriptor"),
                )),
            ),
            Caveat::ServerDown {
                cell,
                down_s,
                duration_s,
            } => write!(
                f,
                "{cell}: in {} of {} nothing was answered and requests failed: the figures are averages over a time without a working server.",
                format::seconds(*down_s),
                format::seconds(*duration_s),
            ),
            Caveat::Unanswered {
                cell,
                unanswered,
                connections,
            } if unanswered == connections => write!(
                f,
                "{cell}: none of its {} got an answer.",
                format::counted(*connections, "connection"),
            ),
            Caveat::Unanswered {
                cell,
                unanswered,
                connections,
            } => write!(
                f,
                "{cell}: {} of {} connections got no answer at all: the figures are of the others.",
                format::count(*unanswered),
                format::count(*connections),
            ),
            Caveat::ServerCloses { cell, closings } => write!(f, "{cell}: {closings}."),
            Caveat::LeftOpen {
                cell,
                connections,
                of,
            } => write!(
                f,
                "{cell}: the server left {} of {} open for a second or longer although it was asked to close them.",
                format::count(*connections),
                format::counted(*of, "connection"),
            ),
            Caveat::HeldBack { cell, answers, of } => write!(
                f,
                "{cell}: {} of {} answers arrive in two parts about 40 ms apart: the server's system holds the second part back until the first is acknowledged (Nagle's algorithm and a delayed acknowledgement). That, not its capacity, is what these figures show: let it write head and body at once, or set TCP_NODELAY.",
                format::count(*answers),
                format::count(*of),
            ),
            Caveat::RateNotKept {
                cell,
                planned,
                in_time,
            } => write!(
                f,
                "{cell}: {}: the others were late or given up, so the rate is beyond its capacity.",
                answered_in_time(*in_time, *planned),
            ),
            Caveat::RateLostToErrors {
                cell,
                planned,
                in_time,
                errors,
            } => write!(
                f,
                "{cell}: {}: errors explain it ({}), not the rate.",
                answered_in_time(*in_time, *planned),
                error_kinds(errors),
            ),
            Caveat::ClientBusy { cell, busy_percent } => write!(
                f,
                "{cell}: the load generator's threads were busy or waiting for a CPU {} of the time: its latencies include its own queue.",
                format::percent(*busy_percent),
            ),
            Caveat::ClientPaused {
                cell,
                worst_ms,
                blocks,
                of,
            } => write!(
                f,
                "{cell}: the load generator itself stood still for up to {} ({blocks} of {of} blocks hold a pause of {} or more): no latency is taken from those blocks.",
                format::duration_us(worst_ms * 1e3),
                format::duration_us(PAUSE_LIMIT_MS * 1e3),
            ),
            Caveat::TooFewRequests {
                cell,
                requests,
                known,
                percentiles,
            } if known < requests => write!(
                f,
                "{cell}: of {} the latency of {} is known, too few for {}: measure longer.",
                format::counted(*requests, "request"),
                format::count(*known),
                needed(percentiles),
            ),
            Caveat::TooFewRequests {
                cell,
                requests,
                percentiles,
                ..
            } => write!(
                f,
                "{cell}: {} {} too few for {}: measure longer.",
                format::counted(*requests, "request"),
                if *requests == 1 { "is" } else { "are" },
                needed(percentiles),
            ),
            Caveat::SynRetransmits { count, connects } => write!(
                f,
                "{connects}: a lost SYN packet delays its connection by a second, and the machine, for all its processes, sent {} again meanwhile.",
                format::count(*count),
            ),
            Caveat::ListenOverflows { count, connects } => write!(
                f,
                "{connects}: the machine, for all its processes, counted {} of a listener's full queue meanwhile.",
                format::counted(*count, "overflow"),
            ),
            Caveat::Throttled { periods } => write!(
                f,
                "The control group's CPU limit held the run back in {}.",
                format::counted(*periods, "period"),
            ),
            Caveat::TakenInTurns {
                connections,
                servers,
                limit,
            } => write!(
                f,
                "{} to each of {servers} servers do not fit under the limit of {} open files: the servers were connected anew for each slice, so slices are long and drift is cancelled less well.",
                format::counted(*connections, "connection"),
                format::count(*limit),
            ),
        }
    }
}

fn answered_in_time(in_time: u64, planned: u64) -> String {
    format!(
        "{} of {} due in the measured time were answered in it, {}",
        format::count(in_time),
        format::counted(planned, "request"),
        format::percent(in_time as f64 / planned as f64 * 100.0),
    )
}

/// The kinds of error that occurred, with their counts: `12 timeout, 3 closed`.
pub fn error_kinds(errors: &ErrorCounts) -> String {
    let kinds = [
        (errors.connect, "connect"),
        (errors.connect_timeout, "connect timeout"),
        (errors.ports, "no local port"),
        (errors.send, "send"),
        (errors.receive, "receive"),
        (errors.closed, "closed early"),
        (errors.stale, "closed between answers"),
        (errors.timeout, "timeout"),
        (errors.unsent, "unsent"),
        (errors.status, "status"),
        (errors.protocol, "protocol"),
        (errors.body, "body"),
    ];
    let seen: Vec<String> = kinds
        .iter()
        .filter(|(count, _)| *count > 0)
        .map(|(count, kind)| format!("{} {kind}", format::count(*count)))
        .collect();
    seen.join(", ")
}

/// A server and its load in words: `sync, saturated`, `async, 5,000/s, keep-alive off`.
pub fn cell_name(cell: &CellResult) -> String {
    let load = match cell.rate {
        Some(rate) => format!("{}/s", format::per_second(rate)),
        None => "saturated".to_owned(),
    };
    let keep_alive = if cell.keep_alive {
        ""
    } else {
        ", keep-alive off"
    };
    format!("{}, {load}{keep_alive}", cell.server)
}

fn needed(percentiles: &[&'static str]) -> String {
    let each: Vec<String> = PERCENTILES
        .iter()
        .filter(|percentile| percentiles.contains(&percentile.name))
        .map(|percentile| {
            let name = format::percentile_name(percentile.name);
            format!(
                "{name} (needs {})",
                format::count(percentile.requests_needed())
            )
        })
        .collect();
    format::list(&each)
}
