//! What is done to the candidate of a self-test.

use std::fmt;
use std::str::FromStr;

use record::gate::bank::Pilot;
use record::gate::self_test::AA;
use record::metric::Metric;
use server_core::Faults;

/// A way to slow a server down by a known cost, or not at all.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Scenario {
    /// Not at all.
    Aa,
    /// Computing worth so many percent of the CPU time per request at the fixed rate.
    Cpu(f64),
    /// Computing that takes so many percent off the closed loop, where CPU limits it.
    Throughput(f64),
    /// Pauses of the whole server worth so many percent of the time in which it works.
    Pauses(f64),
    /// A sleep of so many microseconds.
    Sleep(u64),
    /// A lock held for so many microseconds.
    Lock(u64),
}

impl Scenario {
    /// The metric that must see it.
    pub fn metric(self) -> Metric {
        match self {
            Self::Aa | Self::Cpu(_) => Metric::ServerCpuPerRequest,
            Self::Throughput(_) | Self::Pauses(_) | Self::Sleep(_) | Self::Lock(_) => {
                Metric::Throughput
            }
        }
    }

    /// The server's flags that do it. Units of computing are whole; what they came to is measured.
    pub fn flags(self, pilot: &Pilot, cores: u32) -> Vec<String> {
        let units = |cost_us: f64| (cost_us / pilot.unit_us).round().max(1.0).to_string();
        let (flag, value) = match self {
            Self::Aa => return Vec::new(),
            Self::Cpu(percent) => (
                "--inject-cpu-units",
                units(pilot.cpu_us_per_request * percent / 100.0),
            ),
            Self::Throughput(percent) => {
                // Saturated, a request costs server, client and kernel together cores ÷ throughput.
                let all_us = f64::from(cores) * 1e6 / pilot.throughput_rps;
                ("--inject-cpu-units", units(all_us * percent / 100.0))
            }
            Self::Pauses(percent) => {
                let pause_ms = Faults::WORK_BETWEEN_PAUSES_MS as f64 * percent / 100.0;
                ("--inject-pause-ms", pause_ms.round().max(1.0).to_string())
            }
            Self::Sleep(us) => ("--inject-sleep-us", us.to_string()),
            Self::Lock(us) => ("--inject-lock-us", us.to_string()),
        };
        vec![flag.to_owned(), value]
    }
}

impl fmt::Display for Scenario {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Aa => f.write_str(AA),
            Self::Cpu(percent) => write!(f, "cpu:{percent}"),
            Self::Throughput(percent) => write!(f, "throughput:{percent}"),
            Self::Pauses(percent) => write!(f, "pauses:{percent}"),
            Self::Sleep(us) => write!(f, "sleep:{us}"),
            Self::Lock(us) => write!(f, "lock:{us}"),
        }
    }
}

impl FromStr for Scenario {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || {
            format!(
                "{text:?} is no scenario: aa, cpu:PERCENT, throughput:PERCENT or pauses:PERCENT (0.1 to 1000), sleep:US or lock:US (1 to 1000000)"
            )
        };
        let (name, amount) = match text.split_once(':') {
            None if text == AA => return Ok(Self::Aa),
            None => return Err(wrong()),
            Some(parts) => parts,
        };
        let percent = || {
            amount
                .parse()
                .ok()
                .filter(|it| (0.1..=1000.0).contains(it))
                .ok_or_else(wrong)
        };
        let us = || {
            amount
                .parse()
                .ok()
                .filter(|it| (1..=1_000_000).contains(it))
                .ok_or_else(wrong)
        };
        match name {
            "cpu" => Ok(Self::Cpu(percent()?)),
            "throughput" => Ok(Self::Throughput(percent()?)),
            "pauses" => Ok(Self::Pauses(percent()?)),
            "sleep" => Ok(Self::Sleep(us()?)),
            "lock" => Ok(Self::Lock(us()?)),
            _ => Err(wrong()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PILOT: Pilot = Pilot {
        rate_rps: 10_000.0,
        cpu_us_per_request: 60.0,
        throughput_rps: 20_000.0,
        unit_us: 0.5,
    };

    #[test]
    fn names_read_back() {
        for name in [
            "aa",
            "cpu:10",
            "cpu:2.5",
            "throughput:3",
            "pauses:10",
            "sleep:1000",
            "lock:10",
        ] {
            assert_eq!(name.parse::<Scenario>().unwrap().to_string(), name);
        }
        for wrong in [
            "", "a", "aa:1", "cpu", "cpu:", "cpu:-1", "cpu:NaN", "sleep:0", "lock:1.5", "disk:3",
        ] {
            assert!(wrong.parse::<Scenario>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn doses_follow_the_pilot() {
        assert!(Scenario::Aa.flags(&PILOT, 2).is_empty());
        assert_eq!(
            Scenario::Cpu(10.0).flags(&PILOT, 2),
            ["--inject-cpu-units", "12"]
        );
        assert_eq!(
            Scenario::Throughput(10.0).flags(&PILOT, 2),
            ["--inject-cpu-units", "20"]
        );
        assert_eq!(
            Scenario::Pauses(10.0).flags(&PILOT, 2),
            ["--inject-pause-ms", "30"]
        );
        assert_eq!(
            Scenario::Cpu(0.1).flags(&PILOT, 2),
            ["--inject-cpu-units", "1"]
        );
        assert_eq!(
            Scenario::Lock(10).flags(&PILOT, 2),
            ["--inject-lock-us", "10"]
        );
    }
}
