//! The flags that all servers share.

use std::net::SocketAddr;
use std::time::Duration;

use clap::Args;

use crate::config::{Faults, Limits, Waiting};

/// Flags of every built-in server.
#[derive(Debug, Clone, Args)]
pub struct CommonArgs {
    /// Address to listen on; port 0 picks a free one
    #[arg(long, value_name = "IP:PORT", default_value = "127.0.0.1:0")]
    pub addr: SocketAddr,

    /// Connections the kernel keeps before they are accepted
    #[arg(long, value_name = "N", default_value_t = Limits::default().backlog)]
    pub backlog: u32,

    /// Connections served at once, more are answered with 503 [default: no limit]
    #[arg(long, value_name = "N")]
    pub max_connections: Option<usize>,

    /// Longest request head, over it 431
    #[arg(long, value_name = "SIZE", default_value = "16KiB", value_parser = parse_head)]
    pub max_head: usize,

    /// Longest body, over it 413
    #[arg(long, value_name = "SIZE", default_value = "10MiB", value_parser = parse_bytes)]
    pub max_body: u64,

    /// Longest body of an upload, over it 413
    #[arg(long, value_name = "SIZE", default_value = "128MiB", value_parser = parse_bytes)]
    pub max_upload: u64,

    /// How long a request head may take from its first byte
    #[arg(long, value_name = "MS", default_value_t = Limits::default().head_timeout_ms,
        value_parser = clap::value_parser!(u64).range(1..))]
    pub head_timeout_ms: u64,

    /// How long nothing may happen on a connection
    #[arg(long, value_name = "MS", default_value_t = Limits::default().idle_timeout_ms,
        value_parser = clap::value_parser!(u64).range(1..))]
    pub idle_timeout_ms: u64,

    /// How long requests in flight may take to finish when the server is told to stop
    #[arg(long, value_name = "MS", default_value_t = Limits::default().drain_timeout_ms)]
    pub drain_timeout_ms: u64,

    /// Where the services are that `/aggregate` asks: a server of ours, which has `/backend`
    #[arg(long, value_name = "IP:PORT")]
    pub backend: Option<SocketAddr>,

    /// Leave Nagle's algorithm on: a small write waits while an earlier one is not acknowledged
    #[arg(long)]
    pub nagle: bool,

    /// What simulated waits are: on the most precise timer (exact), on the one that one would take (runtime), or reads
    /// from a peer, `loadgen serve waits`
    #[arg(long, value_name = "exact|runtime|IP:PORT", default_value_t)]
    pub wait: Waiting,

    /// Put N units of computing (about 1 µs each) into every request
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        help_heading = "Injected faults"
    )]
    pub inject_cpu_units: u64,

    /// Put a sleep into every request
    #[arg(
        long,
        value_name = "US",
        default_value_t = 0,
        help_heading = "Injected faults"
    )]
    pub inject_sleep_us: u64,

    /// Let every request hold one global lock, spinning
    #[arg(
        long,
        value_name = "US",
        default_value_t = 0,
        help_heading = "Injected faults"
    )]
    pub inject_lock_us: u64,

    /// Let the whole server stand still for so long after each 300 ms
    #[arg(
        long,
        value_name = "MS",
        default_value_t = 0,
        help_heading = "Injected faults"
    )]
    pub inject_pause_ms: u64,

    /// Panic in the handler of every N-th request
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        help_heading = "Injected faults"
    )]
    pub inject_panic_every: u64,

    /// Panic in every N-th piece of work that runs on a thread or task of its own
    #[arg(
        long,
        value_name = "N",
        default_value_t = 0,
        help_heading = "Injected faults"
    )]
    pub inject_task_panic_every: u64,
}

impl CommonArgs {
    /// The limits asked for.
    pub fn limits(&self) -> Limits {
        Limits {
            backlog: self.backlog,
            max_connections: self.max_connections,
            max_head_bytes: self.max_head,
            max_body_bytes: self.max_body,
            max_upload_bytes: self.max_upload,
            head_timeout_ms: self.head_timeout_ms,
            idle_timeout_ms: self.idle_timeout_ms,
            drain_timeout_ms: self.drain_timeout_ms,
        }
    }

    /// The faults asked for.
    pub fn faults(&self) -> Faults {
        Faults {
            cpu_units: self.inject_cpu_units,
            sleep_us: self.inject_sleep_us,
            lock_us: self.inject_lock_us,
            pause_ms: self.inject_pause_ms,
            panic_every: self.inject_panic_every,
            task_panic_every: self.inject_task_panic_every,
        }
    }
}

/// Reads a size such as `4096`, `16KiB`, `2MiB` or `1GiB`.
///
/// # Errors
///
/// A message that says what is allowed.
pub fn parse_bytes(text: &str) -> Result<u64, String> {
    let end = text
        .find(|c: char| !c.is_ascii_digit())
        .unwrap_or(text.len());
    let (digits, unit) = text.split_at(end);
    let shift = match unit {
        "" | "B" => 0,
        "KiB" => 10,
        "MiB" => 20,
        "GiB" => 30,
        _ => return Err(format!("unit `{unit}` is none of B, KiB, MiB, GiB")),
    };
    let number: u64 = digits
        .parse()
        .map_err(|_| format!("`{digits}` is no whole number"))?;
    number
        .checked_mul(1 << shift)
        .ok_or_else(|| "that is more than 2^64 bytes".to_owned())
}

/// A time with its unit, such as `60s`, at most a day.
///
/// # Errors
/// For everything else, with what is expected.
pub fn parse_duration_or_zero(text: &str) -> Result<Duration, String> {
    let allowed = "a time with its unit, such as 60s, 2m or 500ms";
    let signed: jiff::SignedDuration = text.parse().map_err(|_| format!("expected {allowed}"))?;
    let duration =
        Duration::try_from(signed).map_err(|_| format!("expected {allowed}, not negative"))?;
    if duration > Duration::from_secs(24 * 3600) {
        return Err("at most 24h".to_owned());
    }
    Ok(duration)
}

/// The same, and at least a millisecond: nothing shorter can be measured.
///
/// # Errors
/// As [`parse_duration_or_zero`].
pub fn parse_duration(text: &str) -> Result<Duration, String> {
    match parse_duration_or_zero(text)? {
        duration if duration < Duration::from_millis(1) => Err("at least 1ms".to_owned()),
        duration => Ok(duration),
    }
}

/// Hyper's buffer has at least 8 KiB, so no server can be held to less.
fn parse_head(text: &str) -> Result<usize, String> {
    let bytes = parse_bytes(text)?;
    match usize::try_from(bytes) {
        Ok(bytes) if (8 * 1024..=1024 * 1024).contains(&bytes) => Ok(bytes),
        _ => Err("allowed are 8KiB to 1MiB".to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Parser)]
    struct Program {
        #[command(flatten)]
        common: CommonArgs,
    }

    #[test]
    fn durations_carry_units() {
        assert_eq!(parse_duration("60s"), Ok(Duration::from_secs(60)));
        assert_eq!(parse_duration("2m"), Ok(Duration::from_secs(120)));
        assert_eq!(parse_duration("500ms"), Ok(Duration::from_millis(500)));
        assert_eq!(parse_duration_or_zero("0s"), Ok(Duration::ZERO));
        for wrong in ["", "60", "s", "-1s", "1us", "25h", "1e9s", "∞"] {
            assert!(parse_duration(wrong).is_err(), "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn reading_a_duration_never_panics(text in "\\PC{0,20}") {
            let _ = parse_duration_or_zero(&text);
        }
    }

    #[test]
    fn the_flags_default_to_the_config_s_defaults() {
        let args = Program::parse_from(["server"]).common;
        assert_eq!(args.limits(), Limits::default());
        assert_eq!(args.faults(), Faults::default());
    }

    #[test]
    fn reads_sizes() {
        assert_eq!(parse_bytes("4096"), Ok(4096));
        assert_eq!(parse_bytes("2MiB"), Ok(2 * 1024 * 1024));
        for text in ["", "MiB", "-1", "1.5MiB", "2MB", "99999999999GiB"] {
            assert!(parse_bytes(text).is_err(), "{text}");
        }
        assert_eq!(parse_head("8KiB"), Ok(8192));
        assert!(parse_head("8191").is_err());
    }
}
