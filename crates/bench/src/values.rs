//! Values of flags, and how they are read.

use clap::ValueEnum;
use engine::{ExpectStatus, StatusSet};
use serde::Deserialize;

use crate::url;

pub use server_core::cli::{parse_duration, parse_duration_or_zero};

/// A list of CPU numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cpus(pub Vec<usize>);

/// `on` or `off`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Switch {
    /// Yes.
    On,
    /// No.
    Off,
}

/// `--keep-alive`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum KeepAlive {
    /// Connections stay open.
    On,
    /// A connection per request.
    Off,
    /// One after the other.
    Both,
}

impl KeepAlive {
    /// The settings to measure, in order.
    pub fn settings(self) -> Vec<bool> {
        match self {
            Self::On => vec![true],
            Self::Off => vec![false],
            Self::Both => vec![true, false],
        }
    }
}

/// `--arrivals`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ArrivalsArg {
    /// Evenly spaced.
    Constant,
    /// Exponentially distributed gaps, as of many independent users.
    Poisson,
}

/// `--wait`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, ValueEnum)]
pub enum Wait {
    /// The most precise timer of the system, equally long on threads and tasks
    #[default]
    Exact,
    /// A thread's sleep and Tokio's, which ticks in whole milliseconds
    Runtime,
    /// A read from a process that answers after the time, over a connection per request under way
    Socket,
}

impl Wait {
    /// Reads what was typed.
    ///
    /// # Errors
    /// For what there is not.
    pub fn parse(text: &str) -> Result<Self, String> {
        Self::from_str(text, false)
    }

    /// As typed.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Exact => "exact",
            Self::Runtime => "runtime",
            Self::Socket => "socket",
        }
    }
}

/// `--verify`: what of an answer is compared.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Verify {
    /// Status, content type and body
    #[default]
    Body,
    /// The status: for answers that hold a time, a random number, a name of the process
    Status,
    /// Nothing: each server may answer as it likes, with a status that is expected
    None,
}

/// `--client`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ClientArg {
    /// The engine's own HTTP/1.1 client.
    Raw,
    /// What an application's own client would see.
    Reqwest,
}

/// `--max-errors`.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum MaxErrors {
    /// At most so many.
    Count(u64),
    /// At most this share of all requests, 0 to 1.
    Share(f64),
}

/// Requests per second.
///
/// # Errors
/// For everything else, with what is expected.
pub fn parse_rate(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(rate) if (0.01..=10_000_000.0).contains(&rate) => Ok(rate),
        _ => Err("expected requests per second, 0.01 to 10000000".to_owned()),
    }
}

/// A URL, its scheme added where a host is meant.
pub fn parse_url(text: &str) -> Result<String, String> {
    url::meant(text).ok_or_else(|| match servers::MODELS.contains(&text) {
        true => format!("a built-in server is named by a flag: --server {text}"),
        false => format!(
            "neither a command (see --help) nor a URL; a host is named with its port ({text}:80), or with http:// or \
             https:// in front of it, a Unix socket with unix:"
        ),
    })
}

/// A method as it is sent.
pub fn parse_method(text: &str) -> Result<String, String> {
    const USUAL: [&str; 8] = [
        "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE",
    ];
    let is_token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if text.is_empty() || !text.chars().all(is_token) {
        return Err(format!("{text:?} is not an HTTP method"));
    }
    let capitals = text.to_ascii_uppercase();
    if text != capitals && USUAL.contains(&capitals.as_str()) {
        return Err(format!(
            "methods are written in capitals; did you mean {capitals}?"
        ));
    }
    Ok(text.to_owned())
}

/// The method where none is named.
pub fn default_method(has_body: bool) -> &'static str {
    if has_body { "POST" } else { "GET" }
}

/// A path with its query, encoded as it is sent.
pub fn parse_path(text: &str) -> Result<String, String> {
    if !text.starts_with('/') {
        return Err(format!("{text:?} is not a path: it begins with /"));
    }
    let parts = url::split(&format!("http://h{text}")).map_err(|error| error.to_string())?;
    Ok(parts.path)
}

/// `304` or `2xx,404`.
pub fn parse_statuses(text: &str) -> Result<ExpectStatus, String> {
    let wrong = || format!("{text:?}: expected statuses such as 304 or 2xx,404");
    let mut statuses = StatusSet::default();
    for part in text.split(',').map(str::trim) {
        let hundreds = part
            .strip_suffix("xx")
            .or_else(|| part.strip_suffix("XX"))
            .map(str::parse::<u16>);
        match (hundreds, part.parse::<u16>()) {
            (Some(Ok(hundreds @ 2..=5)), _) => {
                (hundreds * 100..hundreds * 100 + 100).for_each(|it| statuses.insert(it));
            }
            (None, Ok(status @ 200..=599)) => statuses.insert(status),
            _ => return Err(wrong()),
        }
    }
    Ok(ExpectStatus::OneOf(statuses))
}

/// `Name: value`.
///
/// # Errors
/// For what is no field of a header, or smuggles a line.
pub fn parse_header(text: &str) -> Result<(String, String), String> {
    let (name, value) = text.split_once(':').ok_or("expected 'Name: value'")?;
    let token = |c: char| c.is_ascii_alphanumeric() || "!#$%&'*+-.^_`|~".contains(c);
    if name.is_empty() || !name.chars().all(token) {
        return Err(format!("{name:?} is not a header name"));
    }
    let value = value.trim();
    if value.chars().any(char::is_control) {
        return Err("the value has control characters".to_owned());
    }
    Ok((name.to_owned(), value.to_owned()))
}

/// `0`, `0,2` or `0-3,8`.
pub fn parse_cpus(text: &str) -> Result<Cpus, String> {
    const LARGEST: usize = 1023;
    let number = |text: &str| match text.parse::<usize>() {
        Ok(cpu) if cpu <= LARGEST => Ok(cpu),
        _ => Err(format!(
            "{text:?} is not a CPU number from 0 to {LARGEST}; expected a list such as 0,2-3"
        )),
    };
    let mut cpus = Vec::new();
    for part in text.split(',') {
        match part.split_once('-') {
            Some((first, last)) => cpus.extend(number(first)?..=number(last)?),
            None => cpus.push(number(part)?),
        }
    }
    if cpus.is_empty() {
        return Err(format!("{text:?} names no CPU"));
    }
    Ok(Cpus(cpus))
}

/// `100`, or `1%` of all requests.
///
/// # Errors
/// For everything else, with what is expected.
pub fn parse_max_errors(text: &str) -> Result<MaxErrors, String> {
    let wrong = || "expected a number of errors, or a share of all requests such as 1%".to_owned();
    match text.strip_suffix('%') {
        Some(percent) => match percent.parse::<f64>() {
            Ok(percent) if (0.0..=100.0).contains(&percent) => {
                Ok(MaxErrors::Share(percent / 100.0))
            }
            _ => Err(wrong()),
        },
        None => text.parse().map(MaxErrors::Count).map_err(|_| wrong()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cpu_lists_take_single_numbers_and_ranges() {
        assert_eq!(parse_cpus("0,2-4"), Ok(Cpus(vec![0, 2, 3, 4])));
        for wrong in ["", "a", "1-", "-1", "3-1", "99999"] {
            assert!(parse_cpus(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn tolerated_errors_are_a_number_or_a_share() {
        assert_eq!(parse_max_errors("0"), Ok(MaxErrors::Count(0)));
        assert_eq!(parse_max_errors("0.5%"), Ok(MaxErrors::Share(0.005)));
        for wrong in ["", "%", "-1", "101%", "one"] {
            assert!(parse_max_errors(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn statuses_are_numbers_and_hundreds() {
        let accepts = |text: &str, status| parse_statuses(text).expect(text).accepts(status);
        assert!(accepts("2xx,404", 204) && accepts("2xx,404", 404) && !accepts("2xx,404", 304));
        for wrong in ["", "2", "1xx", "6xx", "199", "200,", "abc", "2xx404"] {
            assert!(parse_statuses(wrong).is_err(), "{wrong}");
        }
    }

    #[test]
    fn header_fields_cannot_smuggle_lines() {
        assert_eq!(
            parse_header("X-A: b c "),
            Ok(("X-A".to_owned(), "b c".to_owned()))
        );
        for wrong in ["", "novalue", ": x", "a b: c", "a: b\r\nc: d"] {
            assert!(parse_header(wrong).is_err(), "{wrong}");
        }
    }

    proptest::proptest! {
        #[test]
        fn parsers_never_panic(text in "\\PC{0,20}") {
            let _ = parse_rate(&text);
            let _ = (parse_url(&text), parse_path(&text), parse_statuses(&text));
            let _ = (parse_header(&text), parse_method(&text));
            let _ = parse_cpus(&text);
            let _ = parse_max_errors(&text);
        }
    }
}
