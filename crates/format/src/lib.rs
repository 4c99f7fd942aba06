//! The only place where numbers become text, so that a figure reads the same in every format.
//!
//! # Layout
//!
//! One file: times, rates, counts, ratios and shares with their units; lists and paragraphs of words.

/// Stands where a figure is not available.
pub const NOT_AVAILABLE: &str = "–";

/// Text of a figure that may not be available.
pub fn optional(value: Option<f64>, text: impl Fn(f64) -> String) -> String {
    value.map_or_else(|| NOT_AVAILABLE.to_owned(), text)
}

/// A time given in microseconds, in the unit that reads best: `850 ns`, `12.3 µs`, `1.46 ms`, `2.30 s`.
pub fn duration_us(us: f64) -> String {
    let unit = TimeUnit::of(us);
    format!("{} {}", significant(us / unit.us), unit.name)
}

/// Mean and standard deviation, both given in microseconds, in one unit: `1.46 ± 7.74 ms`.
pub fn mean_and_stdev_us(mean_us: f64, stdev_us: f64) -> String {
    let unit = TimeUnit::of(mean_us.max(stdev_us));
    let (mean, stdev) = (
        significant(mean_us / unit.us),
        significant(stdev_us / unit.us),
    );
    format!("{mean} ± {stdev} {}", unit.name)
}

/// CPU time per request, always in microseconds so that servers compare at a glance: `5.48 µs`.
pub fn cpu_us(us: f64) -> String {
    format!("{} µs", significant(us))
}

/// Something per second: `324,324`, and `12.3` below a thousand.
pub fn per_second(rate: f64) -> String {
    if rate.abs() < 999.5 {
        significant(rate)
    } else {
        thousands(&format!("{rate:.0}"))
    }
}

/// Something per second with the digits that others published: `340,130.92`.
pub fn published_per_second(rate: f64) -> String {
    thousands(&format!("{rate:.2}"))
}

/// A whole number with thousands separators: `1,234,567`.
pub fn count(count: u64) -> String {
    thousands(&count.to_string())
}

/// A whole number and its noun, in the right number: `1 block`, `8 blocks`.
pub fn counted(number: u64, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{} {noun}{plural}", count(number))
}

/// Bytes, in MiB: `33.1 MiB`.
pub fn mebibytes(bytes: f64) -> String {
    format!("{} MiB", significant(bytes / (1024.0 * 1024.0)))
}

/// Bytes per second, in MiB: `33.1 MiB/s`.
pub fn mebibytes_per_second(bytes_per_s: f64) -> String {
    format!("{}/s", mebibytes(bytes_per_s))
}

/// A ratio of two figures: `1.52`.
pub fn ratio(ratio: f64) -> String {
    if ratio >= 100.0 {
        per_second(ratio)
    } else if ratio < 0.1 {
        significant(ratio)
    } else {
        format!("{ratio:.2}")
    }
}

/// A figure from −1 to 1: `0.62`, `-0.33`.
pub fn signed_ratio(value: f64) -> String {
    format!("{value:.2}")
}

/// A ratio near 1, where a few percent matter: `1.052`.
pub fn fixed_ratio(ratio: f64) -> String {
    format!("{ratio:.3}")
}

/// The ends of an interval of a ratio: `1.48–1.56`.
pub fn interval(low: f64, high: f64) -> String {
    format!("{}–{}", ratio(low), ratio(high))
}

/// A share given in percent: `1.3 %`.
pub fn percent(percent: f64) -> String {
    format!("{} %", short(percent))
}

/// A scatter given in percent: `± 1.3 %`.
pub fn plus_minus_percent(percent_: f64) -> String {
    format!("± {}", percent(percent_))
}

/// The confidence of an interval, given as a share: `95 %`.
pub fn confidence(share: f64) -> String {
    format!("{:.0} %", share * 100.0)
}

/// A length of time asked for, given in seconds: `60 s`, `500 ms`.
pub fn seconds(seconds: f64) -> String {
    if seconds != 0.0 && seconds < 1.0 {
        format!("{} ms", short(seconds * 1e3))
    } else {
        format!("{} s", short(seconds))
    }
}

/// A number with a fixed number of decimals, filled up with blanks to `width`: for formats that other
/// programs read.
pub fn fixed(value: f64, width: usize, decimals: usize) -> String {
    format!("{value:width$.decimals$}")
}

/// A share close to 1, in percent with as many decimals as tell it from 100 %: `99.95 %`.
pub fn nines(share: f64) -> String {
    let decimals = (-(1.0 - share).log10()).ceil().clamp(1.0, 12.0) as usize - 1;
    format!("{:.decimals$} %", share * 100.0)
}

/// A plain number with three significant digits: `0.123`, `12.3`, `1,230`.
pub fn number(value: f64) -> String {
    per_second(value)
}

/// A percentile by its field name: `p99_9` becomes `p99.9`.
pub fn percentile_name(field: &str) -> String {
    field.replace('_', ".")
}

/// A figure of a workload with the unit that its record gives.
pub fn with_unit(value: f64, unit: &str) -> String {
    match unit {
        "us" => duration_us(value),
        "bytes" => mebibytes(value),
        "percent" => percent(value),
        "1" | "" => number(value),
        other => format!("{} {other}", number(value)),
    }
}

/// Text from outside, such as a server's name: what would steer a terminal or break a file is made visible.
pub fn visible(text: &str) -> String {
    let visible = |c: char| if c.is_control() { '\u{fffd}' } else { c };
    text.chars().map(visible).collect()
}

/// An instant given as RFC 3339 in UTC, to the minute: `2026-11-22 08:00`.
pub fn minute(rfc3339: &str) -> String {
    let minute: String = rfc3339.chars().take(16).collect();
    minute.replacen('T', " ", 1)
}

/// Several words as one phrase: `a, b and c`.
pub fn list<T: AsRef<str>>(words: &[T]) -> String {
    match words {
        [] => String::new(),
        [one] => one.as_ref().to_owned(),
        [head @ .., last] => {
            let head: Vec<&str> = head.iter().map(AsRef::as_ref).collect();
            format!("{} and {}", head.join(", "), last.as_ref())
        }
    }
}

/// Breaks a paragraph between words into lines of at most `width` characters; a word longer than a line stays whole.
pub fn wrap(text: &str, width: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for word in text.split(' ') {
        match lines.last_mut() {
            Some(line) if line.chars().count() + 1 + word.chars().count() <= width => {
                line.push(' ');
                line.push_str(word);
            }
            _ => lines.push(word.to_owned()),
        }
    }
    lines.join("\n")
}

struct TimeUnit {
    name: &'static str,
    us: f64,
}

impl TimeUnit {
    /// The largest unit of which there is at least one, after rounding to three digits.
    fn of(us: f64) -> TimeUnit {
        let (name, us) = match us.abs() {
            us if us >= 999_500.0 => ("s", 1e6),
            us if us >= 999.5 => ("ms", 1e3),
            us if us >= 0.999_5 || us == 0.0 => ("µs", 1.0),
            _ => ("ns", 1e-3),
        };
        TimeUnit { name, us }
    }
}

/// Three significant digits, never in scientific notation; whole numbers from a hundred on.
fn significant(value: f64) -> String {
    let decimals = match value.abs() {
        0.0 => 0,
        value if value >= 99.95 => 0,
        value if value >= 9.995 => 1,
        value if value >= 0.999_5 => 2,
        value if value >= 0.000_5 => 3,
        _ => 0,
    };
    thousands(&format!("{value:.decimals$}"))
}

/// At most one decimal, and none where it says nothing.
fn short(value: f64) -> String {
    let text = if value.abs() < 0.1 && value != 0.0 {
        format!("{value:.2}")
    } else if value.abs() < 99.95 {
        format!("{value:.1}")
    } else {
        thousands(&format!("{value:.0}"))
    };
    let trimmed = text.strip_suffix(".0").unwrap_or(&text);
    trimmed.to_owned()
}

/// Puts a comma between each three digits before the decimal point.
fn thousands(number: &str) -> String {
    let (sign, digits) = number
        .strip_prefix('-')
        .map_or(("", number), |digits| ("-", digits));
    let (whole, fraction) = digits
        .find('.')
        .map_or((digits, ""), |point| digits.split_at(point));
    let mut text = String::from(sign);
    for (place, digit) in whole.chars().enumerate() {
        if place > 0 && (whole.len() - place).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text + fraction
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn durations_take_the_unit_that_reads_best() {
        let cases = [
            (0.0, "0 µs"),
            (0.85, "850 ns"),
            (0.9996, "1.00 µs"),
            (12.34, "12.3 µs"),
            (999.4, "999 µs"),
            (999.6, "1.00 ms"),
            (1_460.0, "1.46 ms"),
            (230_590.0, "231 ms"),
            (999_600.0, "1.00 s"),
            (2_300_000.0, "2.30 s"),
            (3_600_000_000.0, "3,600 s"),
        ];
        for (us, text) in cases {
            assert_eq!(duration_us(us), text, "{us}");
        }
        assert_eq!(mean_and_stdev_us(1_460.0, 7_740.0), "1.46 ± 7.74 ms");
        assert_eq!(mean_and_stdev_us(600.0, 1_740.0), "0.600 ± 1.74 ms");
    }

    #[test]
    fn large_numbers_have_separators_and_small_ones_have_digits() {
        assert_eq!(per_second(324_323.71), "324,324");
        assert_eq!(per_second(1_000.0), "1,000");
        assert_eq!(per_second(999.7), "1,000");
        assert_eq!(per_second(12.34), "12.3");
        assert_eq!(per_second(0.0), "0");
        assert_eq!(count(0), "0");
        assert_eq!(count(1_234_567), "1,234,567");
        assert_eq!(counted(1, "block"), "1 block");
        assert_eq!(counted(8, "block"), "8 blocks");
        assert_eq!(thousands("-123456.5"), "-123,456.5");
    }

    #[test]
    fn shares_ratios_and_sizes() {
        assert_eq!(ratio(1.516), "1.52");
        assert_eq!(ratio(0.034_5), "0.035");
        assert_eq!(ratio(123.4), "123");
        assert_eq!(interval(1.48, 1.556), "1.48–1.56");
        assert_eq!(percent(1.26), "1.3 %");
        assert_eq!(percent(0.04), "0.04 %");
        assert_eq!(percent(0.0), "0 %");
        assert_eq!(percent(100.0), "100 %");
        assert_eq!(nines(0.0), "0 %");
        assert_eq!(nines(0.5), "50 %");
        assert_eq!(nines(0.9993), "99.930 %");
        assert_eq!(mebibytes(34_707_865.6), "33.1 MiB");
        assert_eq!(minute("2026-11-22T08:00:59Z"), "2026-11-22 08:00");
        assert_eq!(seconds(60.0), "60 s");
        assert_eq!(seconds(0.5), "500 ms");
        assert_eq!(optional(None, percent), "–");
        assert_eq!(list(&["a", "b", "c"]), "a, b and c");
    }

    proptest! {
        #[test]
        fn durations_never_lose_more_than_half_a_percent(us in 0.001..1e9_f64) {
            let text = duration_us(us);
            let (number, unit) = text.split_once(' ').unwrap();
            let factor = match unit { "ns" => 1e-3, "µs" => 1.0, "ms" => 1e3, "s" => 1e6, _ => f64::NAN };
            let back: f64 = number.replace(',', "").parse::<f64>().unwrap() * factor;
            prop_assert!((back / us - 1.0).abs() < 0.006 || us < 0.1, "{us} became {text}");
        }
    }
}
