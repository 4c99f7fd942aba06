//! The ids that go from server to server: `x-request-id`, and `traceparent` as W3C's Trace Context
//! (Level 1) defines it. `tracestate` is not passed on.

use std::fmt;

/// The field that carries a request's id.
pub const REQUEST_ID: &str = "x-request-id";
/// The field that carries the trace a request belongs to.
pub const TRACEPARENT: &str = "traceparent";

/// The longest id that is taken from a client, in bytes.
const MAX_ID: usize = 64;

/// The trace that a request belongs to, and the span that made it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TraceParent {
    /// The trace; never 0.
    pub trace_id: u128,
    /// The span that asks; never 0.
    pub span_id: u64,
    /// Whether the one who asks records the trace.
    pub sampled: bool,
}

impl TraceParent {
    /// A trace that begins here.
    pub fn random() -> Self {
        Self {
            // 0 is no id.
            trace_id: rand::random::<u128>().max(1),
            span_id: rand::random::<u64>().max(1),
            sampled: true,
        }
    }

    /// Reads the value of `traceparent`; `None` when it is none, which counts as absent.
    pub fn parse(value: &str) -> Option<Self> {
        let mut parts = value.split('-');
        let version = hex(parts.next()?, 2)?;
        let trace_id = hex(parts.next()?, 32)?;
        let span_id = u64::try_from(hex(parts.next()?, 16)?).ok()?;
        let flags = hex(parts.next()?, 2)?;
        // Later versions may have more parts; 255 is forbidden.
        let known = version != 0xff && (version != 0 || parts.next().is_none());
        (known && trace_id != 0 && span_id != 0).then_some(Self {
            trace_id,
            span_id,
            sampled: flags & 1 == 1,
        })
    }
}

impl fmt::Display for TraceParent {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (trace, span, flags) = (self.trace_id, self.span_id, u8::from(self.sampled));
        write!(f, "00-{trace:032x}-{span:016x}-{flags:02x}")
    }
}

/// The id that a client gave its request, if it can stand in a log as it is: up to 64 letters,
/// digits, `.`, `_` and `-`.
pub fn valid_id(value: &str) -> Option<&str> {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"._-".contains(&byte);
    ((1..=MAX_ID).contains(&value.len()) && value.bytes().all(allowed)).then_some(value)
}

/// A new id: 16 hexadecimal digits.
pub fn new_id() -> String {
    format!("{:016x}", rand::random::<u64>())
}

/// Exactly so many hexadecimal digits, in lower case as the standard wants them.
fn hex(digits: &str, count: usize) -> Option<u128> {
    let lower = |byte: u8| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (digits.len() == count && digits.bytes().all(lower))
        .then(|| u128::from_str_radix(digits, 16).ok())?
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const EXAMPLE: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";

    #[test]
    fn reads_the_standard_s_example() {
        let parent = TraceParent::parse(EXAMPLE).unwrap();
        assert_eq!(parent.trace_id, 0x4bf9_2f35_77b3_4da6_a3ce_929d_0e0e_4736);
        assert_eq!(parent.span_id, 0x00f0_67aa_0ba9_02b7);
        assert!(parent.sampled);
        assert_eq!(parent.to_string(), EXAMPLE);
    }

    #[test]
    fn takes_later_versions_and_refuses_what_is_none() {
        let later = EXAMPLE.replacen("00", "cc", 1) + "-more";
        assert_eq!(TraceParent::parse(&later), TraceParent::parse(EXAMPLE));
        for wrong in [
            "",
            "00",
            &EXAMPLE[..54],
            &format!("{EXAMPLE}-more"),
            &EXAMPLE.replacen("00", "ff", 1),
            &EXAMPLE.replace("4bf9", "4BF9"),
            &EXAMPLE.replace("4bf9", "+bf9"),
            "00-00000000000000000000000000000000-00f067aa0ba902b7-01",
            "00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01",
        ] {
            assert_eq!(TraceParent::parse(wrong), None, "{wrong:?}");
        }
    }

    #[test]
    fn ids_of_clients_are_taken_if_they_are_harmless() {
        assert_eq!(valid_id("a-B_c.7"), Some("a-B_c.7"));
        assert_eq!(valid_id(&new_id()).map(str::len), Some(16));
        for wrong in ["", "a b", "a\u{1b}[31m", "é", "a\"", &"x".repeat(65)] {
            assert_eq!(valid_id(wrong), None, "{wrong:?}");
        }
    }

    proptest! {
        #[test]
        fn never_panics(text in "\\PC{0,80}") {
            let _ = TraceParent::parse(&text);
            let _ = valid_id(&text);
        }

        #[test]
        fn reads_what_it_writes(trace_id in 1u128.., span_id in 1u64.., sampled: bool) {
            let parent = TraceParent { trace_id, span_id, sampled };
            prop_assert_eq!(TraceParent::parse(&parent.to_string()), Some(parent));
        }
    }
}
