//! `loadgen serve scripted`: this server as a process of its own.

use std::io::Write;
use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;

use super::{Freeze, FreezeAfter, Peer, Script, Slow};
use crate::lanes;
use server_core::cli::{parse_duration, parse_duration_or_zero};

/// Flags of the scripted server.
#[derive(Debug, Args)]
pub struct ScriptedArgs {
    /// Address to listen on; port 0 lets the system choose
    #[arg(long, value_name = "ADDR", default_value = "127.0.0.1:0")]
    addr: SocketAddr,
    /// Time from a request to its answer
    #[arg(long, value_name = "TIME", default_value = "0s", value_parser = parse_duration_or_zero)]
    delay: Duration,
    /// One of each N answers takes this time instead
    #[arg(long, value_name = "N:TIME", value_parser = parse_slow)]
    slow: Option<Slow>,
    /// Each Nth request is never answered
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    lose: Option<u64>,
    /// Each Nth request is answered with status 500
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    fail: Option<u64>,
    /// At each Nth request the connection is closed
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    close: Option<u64>,
    /// Stand still for so long at the end of each period
    #[arg(long, value_name = "TIME/PERIOD", value_parser = parse_freeze, conflicts_with = "freeze_after")]
    freeze: Option<Freeze>,
    /// Freeze only this many workers: of the connections in the order they are made, each --workers'th
    #[arg(long, value_name = "N", requires = "freeze")]
    frozen_workers: Option<usize>,
    /// Stand still for so long at each Nth request
    #[arg(long, value_name = "N:TIME", value_parser = parse_freeze_after)]
    freeze_after: Option<FreezeAfter>,
    /// Computing for each answer, in the units of the workload `cpu`
    #[arg(long, value_name = "N", default_value_t = 0)]
    cpu_units: u64,
    /// Threads
    #[arg(long, value_name = "N", default_value_t = 2, value_parser = clap::builder::RangedU64ValueParser::<usize>::new().range(1..=64))]
    workers: usize,
    /// Where among each N answers the slow one is
    #[arg(long, value_name = "N", default_value_t = 1)]
    seed: u64,
}

impl ScriptedArgs {
    fn script(&self) -> Script {
        Script {
            delay: self.delay,
            slow: self.slow,
            lose_each: self.lose,
            fail_each: self.fail,
            close_each: self.close,
            freeze: self.freeze,
            frozen_workers: self.frozen_workers,
            freeze_after: self.freeze_after,
            cpu_units: self.cpu_units,
            workers: self.workers,
            seed: self.seed,
        }
    }
}

/// Serves until SIGTERM, or until the pipe on standard input closes. Says on `out` when it is ready. `GET /account`
/// tells what it did.
///
/// # Errors
/// When it cannot start.
pub fn serve(args: &ScriptedArgs, out: impl Write) -> anyhow::Result<()> {
    let script = args.script();
    lanes::serve_to_the_end("scripted", script, out, || {
        let peer = Peer::start_at(script, args.addr)
            .with_context(|| format!("cannot listen on {}", args.addr))?;
        Ok((peer.addr(), peer))
    })
}

fn parse_slow(text: &str) -> Result<Slow, String> {
    let (one_in, delay) = parse_each(text)?;
    Ok(Slow { one_in, delay })
}

fn parse_freeze_after(text: &str) -> Result<FreezeAfter, String> {
    let (requests, length) = parse_each(text)?;
    Ok(FreezeAfter { requests, length })
}

fn parse_each(text: &str) -> Result<(u64, Duration), String> {
    let expected = || "expected a number and a time, such as 300:3s".to_owned();
    let (number, time) = text.split_once(':').ok_or_else(expected)?;
    match number.parse() {
        Ok(0) | Err(_) => Err(expected()),
        Ok(number) => Ok((number, parse_duration(time)?)),
    }
}

fn parse_freeze(text: &str) -> Result<Freeze, String> {
    let expected = "expected a time and a longer period, such as 200ms/1s";
    let (length, period) = text.split_once('/').ok_or(expected)?;
    let (length, period) = (parse_duration(length)?, parse_duration(period)?);
    if length >= period {
        return Err(expected.to_owned());
    }
    Ok(Freeze { length, period })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_makes_no_script_is_refused() {
        assert_eq!(
            parse_slow("300:3s"),
            Ok(Slow {
                one_in: 300,
                delay: Duration::from_secs(3)
            })
        );
        assert_eq!(
            parse_freeze("30ms/300ms").map(|it| it.period),
            Ok(Duration::from_millis(300))
        );
        for wrong in ["", "3s", "0:3s", "x:3s", "3:x"] {
            assert!(parse_slow(wrong).is_err(), "{wrong}");
        }
        for wrong in ["", "1s", "1s/1s", "2s/1s", "0s/1s"] {
            assert!(parse_freeze(wrong).is_err(), "{wrong}");
        }
    }
}
