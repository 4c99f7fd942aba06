//! Reading a query, strictly: a parameter that is missing takes its default; one that is unknown, repeated,
//! malformed or out of range is an error that says what is allowed.

use std::ops::RangeInclusive;

/// A parameter that is a whole number.
pub struct Number {
    name: &'static str,
    default: u64,
    range: RangeInclusive<u64>,
}

/// How long `/work` waits, in milliseconds.
pub const WAIT_MS: Number = Number::new("wait_ms", 0, 60_000);
/// How much `/work` computes.
pub const CPU_UNITS: Number = Number::new("cpu_units", 0, 1_000_000);
/// How much `/work` answers.
pub const BYTES: Number = Number::new("bytes", 0, 10 * 1024 * 1024);
/// How much `/cpu` computes.
pub const UNITS: Number = Number::new("units", 1000, 1_000_000);
/// How long `/block` blocks, in milliseconds.
pub const BLOCK_MS: Number = Number::new("ms", 200, 60_000);

const MODE: &str = "mode";

impl Number {
    const fn new(name: &'static str, default: u64, max: u64) -> Self {
        Self {
            name,
            default,
            range: 0..=max,
        }
    }
}

/// A query, known to have no parameters but those allowed, and none twice.
pub struct Query {
    given: Vec<(String, String)>,
}

impl Query {
    /// For a path that takes no parameters.
    pub fn none(raw: &str) -> Result<Self, String> {
        Self::new(raw, &[])
    }

    /// For a path that takes numbers.
    pub fn numbers<const N: usize>(raw: &str, numbers: [&Number; N]) -> Result<[u64; N], String> {
        let query = Self::new(raw, &numbers.each_ref().map(|number| number.name))?;
        let mut values = [0; N];
        for (value, number) in values.iter_mut().zip(numbers) {
            *value = query.number(number)?;
        }
        Ok(values)
    }

    /// For a path that takes a number and has modes, the default first.
    pub fn number_and_mode(
        raw: &str,
        number: &Number,
        modes: &[&'static str],
    ) -> Result<(u64, &'static str), String> {
        let query = Self::new(raw, &[number.name, MODE])?;
        Ok((query.number(number)?, query.mode(modes)?))
    }

    fn new(raw: &str, allowed: &[&str]) -> Result<Self, String> {
        let mut given: Vec<(String, String)> = Vec::new();
        for pair in raw.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, value) = (decoded(name), decoded(value));
            if !allowed.contains(&name.as_str()) {
                return Err(format!(
                    "unknown parameter `{}` with value `{}`; allowed: {}",
                    shown(&name),
                    shown(&value),
                    if allowed.is_empty() {
                        "none".to_owned()
                    } else {
                        allowed.join(", ")
                    },
                ));
            }
            if given.iter().any(|(earlier, _)| *earlier == name) {
                return Err(format!(
                    "parameter `{name}` is given again with value `{}`; allowed: once",
                    shown(&value)
                ));
            }
            given.push((name, value));
        }
        Ok(Self { given })
    }

    fn number(&self, number: &Number) -> Result<u64, String> {
        let Some(value) = self.value(number.name) else {
            return Ok(number.default);
        };
        let digits = value.bytes().all(|byte| byte.is_ascii_digit());
        match value.parse() {
            Ok(parsed) if digits && number.range.contains(&parsed) => Ok(parsed),
            _ => Err(format!(
                "parameter `{}` has value `{}`; allowed: a whole number from {} to {}",
                number.name,
                shown(value),
                number.range.start(),
                number.range.end(),
            )),
        }
    }

    fn mode(&self, modes: &[&'static str]) -> Result<&'static str, String> {
        let Some(value) = self.value(MODE) else {
            return Ok(modes[0]);
        };
        modes
            .iter()
            .find(|&&mode| mode == value)
            .copied()
            .ok_or_else(|| {
                format!(
                    "parameter `{MODE}` has value `{}`; allowed: {}",
                    shown(value),
                    modes.join(", ")
                )
            })
    }

    fn value(&self, name: &str) -> Option<&str> {
        let found = self.given.iter().find(|(known, _)| known == name);
        found.map(|(_, value)| value.as_str())
    }
}

/// Undoes percent-encoding; text that is not well encoded stays as it is.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = tail;
        match first {
            b'+' => bytes.push(b' '),
            b'%' => {
                let digits = tail
                    .get(..2)
                    .and_then(|digits| std::str::from_utf8(digits).ok());
                match digits.and_then(|digits| u8::from_str_radix(digits, 16).ok()) {
                    Some(byte) => bytes.push(byte),
                    None => return text.to_owned(),
                }
                rest = &tail[2..];
            }
            &other => bytes.push(other),
        }
    }
    String::from_utf8(bytes).unwrap_or_else(|_| text.to_owned())
}

/// What a client sent, short enough to stand in an error message.
fn shown(text: &str) -> String {
    const MAX_CHARS: usize = 64;
    match text.char_indices().nth(MAX_CHARS) {
        Some((end, _)) => format!("{}…", &text[..end]),
        None => text.to_owned(),
    }
}
