//! Every limit by which something is decided, once: with its unit in its name, or a share from 0 to 1.
//!
//! What belongs to one method alone (votes of a search, looks of a gate) stands with that method.

/// Confidence of every interval.
pub const CONFIDENCE: f64 = 0.95;

/// Fewest blocks that give an interval at [`CONFIDENCE`].
pub const BLOCKS_NEEDED: usize = 6;

/// Share of the concurrency above which a deviation is worth a warning: something is not being
/// measured.
pub const LITTLE_DEVIATION: f64 = 0.03;

/// Drift within a block that is tolerated: 5 % up or down.
pub const WARMUP_DRIFT: f64 = 0.05;

/// From this share of the ceiling on the wait is the answer: what is left to differ is the timer and the network.
pub const CEILING_REACHED: f64 = 0.95;

/// From this share of the planned requests on, a rate counts as kept.
pub const RATE_KEPT: f64 = 0.99;

/// A part of the CPU used beyond this share of what is there counts as all of it.
pub const FULL_SHARE: f64 = 0.9;

/// From this share of the CPU on that there is, it was CPU that was short, not time that was waited: at the edges of
/// slices nothing is under way, and nobody reaches all of it.
pub const NEAR_SHARE: f64 = 0.8;

/// Where the machine is full and the client takes more than this share of what both use, the cell tells
/// more of the client than of the server.
pub const CLIENT_SHARE: f64 = 2.0 / 3.0;

/// A load generator busier than this cannot be trusted to keep a rate, in percent.
pub const CLIENT_BUSY_PERCENT: f64 = 80.0;

/// From this send lag on, in microseconds, a block's latency tells of the client and is not compared.
pub const SEND_LAG_LIMIT_US: f64 = 1_000.0;

/// From this pause of the load generator on, in milliseconds, a block's latency tells of the client and is not
/// compared.
pub const PAUSE_LIMIT_MS: f64 = 100.0;

/// From this share of the machine's CPU on, in percent, other programs are spoken of and figures of CPU time per
/// request are indicative only.
pub const CONTENDED_PERCENT: f64 = 5.0;

/// Stolen CPU time worth a warning, in percent of all CPU time.
pub const STEAL_WARN_PERCENT: f64 = 1.0;

/// A block in which more than this share of CPU time was stolen is left out of comparisons, in percent.
pub const STEAL_DROPS_PERCENT: f64 = 5.0;

/// Clock speeds that differ between blocks by more are worth a warning, in percent.
pub const CLOCK_SPREAD_PERCENT: f64 = 5.0;

/// A lost SYN is sent again after so many microseconds.
pub const SYN_RETRY_US: f64 = 1e6;

/// From this share of errors on a contender's figures take part in nothing.
pub const MOST_ERRORS: f64 = 0.01;

/// Blocks in which one server alone must show a symptom that may be chance; fewer are no finding at all.
pub const SYMPTOM_BLOCKS: usize = 8;

/// Rates that differ by less are the same load.
pub const SAME_RATE: f64 = 0.01;

/// A root mean square misfit above this says that the law does not describe a server: it knows nothing of
/// handlers that wait, for instance, where throughput grows like N until the CPU is full. No peak is told then.
pub const USL_MISFIT: f64 = 0.05;

/// Where the connections of a closed loop got so many answers each on average, one that got none is starved, whatever it got
/// before: chance leaves out one of 20,000 at most.
pub const ANSWERS_EACH: u64 = 10;

/// Measured time from which on that is said, in seconds: of a few requests one connection may get all before the others begin.
pub const STARVED_AFTER_S: f64 = 0.5;

/// Below this index of Jain's, who got how much is shown too. With a tenth of the connections starved, it is
/// 0.9 at most.
pub const EVEN_JAIN_INDEX: f64 = 0.95;
