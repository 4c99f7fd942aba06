//! Reading a query, strictly: a parameter that is missing takes its default; one that is unknown,
//! repeated, malformed or out of range is an error that says what is allowed.

use std::{borrow::Cow, ops::RangeInclusive};

use crate::answer::{Answer, shown};

/// A parameter that can't be taken; the text goes to the client with status 400.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ParamError {
    /// There is no parameter of that name here.
    #[error("unknown parameter `{name}` with value `{value}`; allowed: {allowed}")]
    Unknown {
        /// What the client wrote.
        name: String,
        /// What the client wrote.
        value: String,
        /// The parameters there are.
        allowed: String,
    },
    /// A parameter given more than once.
    #[error("parameter `{name}` is given again with value `{value}`; allowed: once")]
    Repeated {
        /// The parameter.
        name: &'static str,
        /// Its second value.
        value: String,
    },
    /// A value that is malformed or out of range.
    #[error("parameter `{name}` has value `{value}`; allowed: {allowed}")]
    Invalid {
        /// The parameter.
        name: &'static str,
        /// What the client wrote.
        value: String,
        /// What would be taken.
        allowed: String,
    },
}

/// A value that a parameter takes by name.
pub trait Choice: Copy + 'static {
    /// All values with their names, the default first.
    const ALL: &'static [(&'static str, Self)];
}

/// A query, known to have no parameters but those allowed, and none twice.
#[derive(Debug, Clone, Copy)]
pub struct Query<'q> {
    raw: &'q str,
}

impl<'q> Query<'q> {
    /// Checks that `raw` (what follows the `?`) has only the parameters `allowed`.
    ///
    /// # Errors
    ///
    /// [`ParamError`] for the first one that is unknown or repeated.
    pub fn new(raw: &'q str, allowed: &'static [&'static str]) -> Result<Self, ParamError> {
        for (position, (name, value)) in pairs(raw).enumerate() {
            let Some(&known) = allowed.iter().find(|&&known| known == name) else {
                return Err(ParamError::Unknown {
                    name: shown(&name).into_owned(),
                    value: shown(&value).into_owned(),
                    allowed: match allowed {
                        [] => "none".to_owned(),
                        _ => allowed.join(", "),
                    },
                });
            };
            if pairs(raw)
                .take(position)
                .any(|(earlier, _)| earlier == name)
            {
                return Err(ParamError::Repeated {
                    name: known,
                    value: shown(&value).into_owned(),
                });
            }
        }
        Ok(Self { raw })
    }

    /// A whole number within `range`.
    ///
    /// # Errors
    ///
    /// [`ParamError::Invalid`] when it is something else.
    pub fn number(
        &self,
        name: &'static str,
        default: u64,
        range: RangeInclusive<u64>,
    ) -> Result<u64, ParamError> {
        let Some(value) = self.value(name) else {
            return Ok(default);
        };
        let digits = value.bytes().all(|byte| byte.is_ascii_digit());
        match value.parse::<u64>() {
            Ok(number) if digits && range.contains(&number) => Ok(number),
            _ => Err(ParamError::Invalid {
                name,
                value: shown(&value).into_owned(),
                allowed: format!("a whole number from {} to {}", range.start(), range.end()),
            }),
        }
    }

    /// One of the values of `T`.
    ///
    /// # Errors
    ///
    /// [`ParamError::Invalid`] when it is something else.
    pub fn choice<T: Choice>(&self, name: &'static str) -> Result<T, ParamError> {
        let Some(value) = self.value(name) else {
            return Ok(T::ALL[0].1);
        };
        let choice = T::ALL.iter().find(|(known, _)| *known == value);
        choice.map(|&(_, choice)| choice).ok_or_else(|| {
            let names: Vec<&str> = T::ALL.iter().map(|&(name, _)| name).collect();
            ParamError::Invalid {
                name,
                value: shown(&value).into_owned(),
                allowed: names.join(", "),
            }
        })
    }

    /// A name: 1 to 64 letters, digits, `-` or `_`.
    ///
    /// # Errors
    ///
    /// [`ParamError::Invalid`] when it is something else.
    pub fn name(&self, name: &'static str, default: &'static str) -> Result<String, ParamError> {
        let value = self.value(name).unwrap_or(Cow::Borrowed(default));
        if is_name(&value) {
            return Ok(value.into_owned());
        }
        Err(ParamError::Invalid {
            name,
            value: shown(&value).into_owned(),
            allowed: NAMES.to_owned(),
        })
    }

    fn value(&self, name: &str) -> Option<Cow<'q, str>> {
        pairs(self.raw)
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }
}

/// What [`is_name`] takes.
pub(crate) const NAMES: &str = "1 to 64 letters, digits, - or _";

/// Whether a text can be a name.
pub(crate) fn is_name(text: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_');
    (1..=64).contains(&text.len()) && text.bytes().all(allowed)
}

/// Checks a query of a path that takes no parameters.
///
/// # Errors
///
/// [`ParamError::Unknown`] for the first parameter.
pub fn none(raw: &str) -> Result<(), ParamError> {
    Query::new(raw, &[]).map(|_| ())
}

/// Names and values, percent-decoded.
fn pairs(raw: &str) -> impl Iterator<Item = (Cow<'_, str>, Cow<'_, str>)> {
    raw.split('&').filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        (decoded(name), decoded(value))
    })
}

/// Percent-decoded; as it was, when that gives no text: then it is no value we take either.
fn decoded(text: &str) -> Cow<'_, str> {
    if !text.bytes().any(|byte| matches!(byte, b'%' | b'+')) {
        return Cow::Borrowed(text);
    }
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = |at: usize| tail.get(at).and_then(|&digit| (digit as char).to_digit(16));
        rest = match (first, hex(0), hex(1)) {
            (b'%', Some(high), Some(low)) => {
                bytes.push((high << 4 | low) as u8);
                &tail[2..]
            }
            (b'%', ..) => return Cow::Borrowed(text),
            (b'+', ..) => {
                bytes.push(b' ');
                tail
            }
            (&other, ..) => {
                bytes.push(other);
                tail
            }
        };
    }
    String::from_utf8(bytes).map_or(Cow::Borrowed(text), Cow::Owned)
}

impl From<ParamError> for Answer {
    fn from(error: ParamError) -> Self {
        Self::error(400, &error.to_string())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[derive(Debug, Clone, Copy, PartialEq, Eq)]
    enum Side {
        Left,
        Right,
    }

    impl Choice for Side {
        const ALL: &'static [(&'static str, Self)] =
            &[("left", Self::Left), ("right", Self::Right)];
    }

    fn number(raw: &str) -> Result<u64, String> {
        let query = Query::new(raw, &["n", "side"]).map_err(|error| error.to_string())?;
        query
            .number("n", 7, 1..=100)
            .map_err(|error| error.to_string())
    }

    fn side(raw: &str) -> Result<Side, String> {
        let query = Query::new(raw, &["n", "side"]).map_err(|error| error.to_string())?;
        query.choice("side").map_err(|error| error.to_string())
    }

    #[test]
    fn takes_defaults_and_values() {
        assert_eq!(number(""), Ok(7));
        assert_eq!(number("&side=left&"), Ok(7));
        assert_eq!(number("side=left&n=100"), Ok(100));
        assert_eq!(number("%6E=%31"), Ok(1));
        assert_eq!(side(""), Ok(Side::Left));
        assert_eq!(side("side=right"), Ok(Side::Right));
    }

    #[test]
    fn names_are_short_and_plain() {
        let name = |raw| Query::new(raw, &["n"]).and_then(|query| query.name("n", "none"));
        assert_eq!(name(""), Ok("none".to_owned()));
        assert_eq!(name("n=a-B_9"), Ok("a-B_9".to_owned()));
        for raw in ["n=", "n=a/b", "n=%C3%A9", &format!("n={}", "x".repeat(65))] {
            assert!(name(raw).is_err(), "{raw}");
        }
    }

    #[test]
    fn says_what_is_wrong_and_what_is_allowed() {
        let range = "a whole number from 1 to 100";
        for value in [
            "0",
            "101",
            "-1",
            "+1",
            "1.0",
            "",
            "x",
            "99999999999999999999",
            "%zz",
        ] {
            let message = number(&format!("n={value}")).unwrap_err();
            let value = value.replace('+', " ");
            assert_eq!(
                message,
                format!("parameter `n` has value `{value}`; allowed: {range}")
            );
        }
        assert_eq!(
            side("side=up").unwrap_err(),
            "parameter `side` has value `up`; allowed: left, right"
        );
        assert_eq!(
            number("m=1").unwrap_err(),
            "unknown parameter `m` with value `1`; allowed: n, side"
        );
        assert_eq!(
            number("n=1&n=1").unwrap_err(),
            "parameter `n` is given again with value `1`; allowed: once"
        );
        assert!(none("").is_ok());
        assert_eq!(
            none("a").unwrap_err().to_string(),
            "unknown parameter `a` with value ``; allowed: none"
        );
    }

    proptest! {
        #[test]
        fn never_panics(raw in ".{0,60}") {
            let _ = number(&raw);
            let _ = side(&raw);
        }

        #[test]
        fn reads_what_is_in_range(wanted in 1u64..=100) {
            prop_assert_eq!(number(&format!("n={wanted}")), Ok(wanted));
        }
    }
}
