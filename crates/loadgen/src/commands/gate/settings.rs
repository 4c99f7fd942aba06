//! A project's settings: `loadgen.toml`. Strict, so that a misspelt key is an error and not a default.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::num::NonZeroU32;
use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::{Context as _, bail};
use engine::ExpectStatus;
use serde::{Deserialize, Deserializer};

use super::args::{parse_share, parse_tolerance};
use crate::args::{
    Verify, parse_duration, parse_duration_or_zero, parse_header, parse_method, parse_path,
    parse_rate, parse_statuses,
};

/// The file that is read where no other is named.
pub const DEFAULT_FILE: &str = "loadgen.toml";

/// What `loadgen init` writes: every key there is, commented. `#key` is a key at its default.
pub const TEMPLATE: &str = include_str!("template.toml");

/// The file's contents.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// How the baseline is started.
    pub baseline: Option<ServerSettings>,
    /// How the candidate is started.
    pub candidate: Option<ServerSettings>,
    /// When a server is ready.
    #[serde(default)]
    pub ready: ReadySettings,
    /// How hard the servers are loaded.
    #[serde(default)]
    pub load: LoadSettings,
    /// What is tolerated.
    #[serde(default)]
    pub tolerated: ToleratedSettings,
    /// What is asked for.
    #[serde(default, rename = "workload")]
    pub workloads: Vec<WorkloadSettings>,
}

/// `[baseline]` and `[candidate]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ServerSettings {
    /// The command line.
    pub run: String,
    /// Folder to run in, below the folder of the settings file.
    pub dir: Option<PathBuf>,
    /// Variables added to the environment.
    #[serde(default)]
    pub env: BTreeMap<String, String>,
}

/// `[ready]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReadySettings {
    /// Path that answers 200 when a server is ready.
    #[serde(default, deserialize_with = "path")]
    pub path: Option<String>,
    /// How long that may take.
    #[serde(default, deserialize_with = "duration")]
    pub timeout: Option<Duration>,
}

/// `[load]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LoadSettings {
    /// Connections to each server.
    pub concurrency: Option<NonZeroU32>,
    /// Fixed rate in requests per second.
    #[serde(default, deserialize_with = "rate")]
    pub rate: Option<f64>,
    /// Load time of each server before a block is measured.
    #[serde(default, deserialize_with = "duration_or_zero")]
    pub warmup: Option<Duration>,
    /// Measured time of a block.
    #[serde(default, deserialize_with = "duration")]
    pub block_time: Option<Duration>,
    /// Time after which an unanswered request is an error.
    #[serde(default, deserialize_with = "duration")]
    pub timeout: Option<Duration>,
    /// Worker threads of the load generator.
    pub threads: Option<NonZeroU32>,
}

/// `[tolerated]`: a slowdown, or `off`; the outer `None` is the default.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToleratedSettings {
    /// Of the server's CPU time per request at the fixed rate.
    #[serde(default, deserialize_with = "tolerance")]
    pub server_cpu_per_request: Option<Option<f64>>,
    /// Of closed-loop throughput.
    #[serde(default, deserialize_with = "tolerance")]
    pub throughput: Option<Option<f64>>,
    /// Of the median latency at the fixed rate.
    #[serde(default, deserialize_with = "tolerance")]
    pub p50: Option<Option<f64>>,
    /// Share of a server's requests that may be errors.
    #[serde(default, deserialize_with = "share")]
    pub errors: Option<f64>,
}

/// `[[workload]]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WorkloadSettings {
    /// Name in the table.
    pub name: String,
    /// Path and query.
    #[serde(deserialize_with = "required_path")]
    pub path: String,
    /// Method.
    #[serde(default, deserialize_with = "method")]
    pub method: Option<String>,
    /// Header fields.
    #[serde(default, deserialize_with = "headers")]
    pub headers: Vec<(String, String)>,
    /// Body.
    pub body: Option<String>,
    /// Fixed rate of this workload.
    #[serde(default, deserialize_with = "rate")]
    pub rate: Option<f64>,
    /// Statuses that are right answers: `304`, `2xx,404`.
    #[serde(default, deserialize_with = "statuses")]
    pub expect: Option<ExpectStatus>,
    /// What must be alike in all answers of both servers.
    #[serde(default)]
    pub verify: Verify,
}

/// Reads a settings file.
///
/// # Errors
/// When it cannot be read, is not TOML, has an unknown key or an impossible value: with file and line.
pub fn read(file: &Path) -> anyhow::Result<Settings> {
    let text =
        std::fs::read_to_string(file).with_context(|| format!("cannot read {}", file.display()))?;
    parse(&text, file)
}

fn parse(text: &str, file: &Path) -> anyhow::Result<Settings> {
    let settings: Settings = match toml::from_str(text) {
        Ok(settings) => settings,
        Err(error) => {
            let at = error.span().map_or(0, |span| span.start);
            let line = text[..at].matches('\n').count();
            let setting = setting_at(text.lines().nth(line).unwrap_or_default());
            let setting = setting.filter(|it| !error.message().contains(&format!("`{it}`")));
            let named = setting.map_or_else(String::new, |setting| format!("{setting}: "));
            bail!(
                "{}:{}: {named}{}",
                file.display(),
                line + 1,
                error.message()
            );
        }
    };
    let names: Vec<&str> = settings
        .workloads
        .iter()
        .map(|workload| workload.name.as_str())
        .collect();
    if let Some(twice) = (1..names.len()).find(|&index| names[..index].contains(&names[index])) {
        bail!(
            "{}: two workloads are called {:?}",
            file.display(),
            names[twice]
        );
    }
    Ok(settings)
}

/// The setting that a line gives a value to, if it gives one.
fn setting_at(line: &str) -> Option<&str> {
    let (setting, _) = line.split_once('=')?;
    Some(setting.trim()).filter(|setting| !setting.is_empty())
}

fn parsed<'de, D: Deserializer<'de>, T>(
    deserializer: D,
    parse: impl Fn(&str) -> Result<T, String>,
) -> Result<T, D::Error> {
    let text = String::deserialize(deserializer)?;
    parse(&text).map_err(custom)
}

fn custom<E: serde::de::Error>(message: impl Display) -> E {
    E::custom(message)
}

fn path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    required_path(deserializer).map(Some)
}

fn method<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    parsed(deserializer, parse_method).map(Some)
}

fn required_path<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    parsed(deserializer, parse_path)
}

fn duration<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Duration>, D::Error> {
    parsed(deserializer, parse_duration).map(Some)
}

fn duration_or_zero<'de, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Duration>, D::Error> {
    parsed(deserializer, parse_duration_or_zero).map(Some)
}

fn tolerance<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Option<f64>>, D::Error> {
    parsed(deserializer, parse_tolerance).map(Some)
}

fn share<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    parsed(deserializer, parse_share).map(Some)
}

fn rate<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<f64>, D::Error> {
    let rate = f64::deserialize(deserializer)?;
    parse_rate(&rate.to_string()).map(Some).map_err(custom)
}

fn statuses<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<ExpectStatus>, D::Error> {
    parsed(deserializer, parse_statuses).map(Some)
}

fn headers<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<(String, String)>, D::Error> {
    let fields = BTreeMap::<String, String>::deserialize(deserializer)?;
    let field = |(name, value)| parse_header(&format!("{name}: {value}"));
    fields
        .iter()
        .map(field)
        .collect::<Result<_, _>>()
        .map_err(custom)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> anyhow::Result<Settings> {
        parse(text, Path::new("loadgen.toml"))
    }

    #[test]
    fn the_template_is_valid_as_written_and_with_every_default_spelt_out() {
        let settings = read(TEMPLATE).unwrap();
        assert!(settings.baseline.is_some() && settings.candidate.is_some());
        let spelt_out: Vec<&str> = TEMPLATE
            .lines()
            .map(|line| match line.strip_prefix('#') {
                Some(key) if !key.starts_with([' ', '#']) => key,
                _ => line,
            })
            .collect();
        let settings = read(&spelt_out.join("\n")).unwrap();
        assert_eq!(settings.load.concurrency.map(NonZeroU32::get), Some(50));
        assert!(settings.load.rate.is_some() && settings.load.threads.is_some());
        assert!(
            settings.load.warmup.is_some()
                && settings.load.block_time.is_some()
                && settings.load.timeout.is_some()
        );
        assert!(settings.ready.path.is_some() && settings.ready.timeout.is_some());
        assert_eq!(settings.tolerated.p50, Some(Some(0.15)));
        assert_eq!(settings.tolerated.errors, Some(0.0));
        assert_eq!(settings.workloads.len(), 2);
        assert_eq!(settings.workloads[1].headers.len(), 1);
    }

    #[test]
    fn errors_name_the_line_and_what_is_known() {
        for (text, told) in [
            (
                "[load]\nconcurency = 3",
                "loadgen.toml:2: unknown field `concurency`, expected one of `concurrency`",
            ),
            ("[laod]\n", "loadgen.toml:1: unknown field `laod`"),
            ("[load]\n\nconcurrency = 0", "loadgen.toml:3: "),
            (
                "[load]\nwarmup = \"5\"",
                "loadgen.toml:2: warmup: expected a time with its unit",
            ),
            (
                "[load]\nrate = -1.0",
                "loadgen.toml:2: rate: expected requests per second",
            ),
            (
                "[tolerated]\n\n\np50 = \"much\"",
                "loadgen.toml:4: p50: \"much\" is not a share such as 5%, or off",
            ),
            (
                "[[workload]]\nname = \"a\"\npath = \"x\"",
                "loadgen.toml:3: path: \"x\" is not a path",
            ),
            (
                "[[workload]]\nname = \"a\"\npath = \"/\"\nheaders = { \"a b\" = \"c\" }",
                "loadgen.toml:4: headers: \"a b\" is not a header name",
            ),
            (
                "[[workload]]\nname = \"a\"\npath = \"/\"\nmethod = \"post\"",
                "loadgen.toml:4: method: methods are written in capitals; did you mean POST?",
            ),
            (
                "[[workload]]\nname = \"a\"\npath = \"/\"\nmethod = \"G T\"",
                "loadgen.toml:4: method: \"G T\" is not an HTTP method",
            ),
            (
                "[[workload]]\nname = \"a\"\npath = \"/\"\nexpect = \"ok\"",
                "loadgen.toml:4: expect: \"ok\": expected statuses such as 304 or 2xx,404",
            ),
            (
                "[[workload]]\nname = \"a\"\npath = \"/\"\nverify = \"all\"",
                "loadgen.toml:4: verify: unknown variant `all`",
            ),
            ("[[workload]]\nname = \"a\"\n", "missing field `path`"),
            ("[baseline]\nrun = 3", "loadgen.toml:2: run: invalid type"),
            ("a = ", "loadgen.toml:1: "),
        ] {
            let error = read(text).expect_err(text).to_string();
            assert!(error.contains(told), "{text}: {error}");
        }
        let two = "[[workload]]\nname = \"a\"\npath = \"/\"\n";
        assert!(
            read(&two.repeat(2))
                .unwrap_err()
                .to_string()
                .contains("two workloads")
        );
    }

    #[test]
    fn a_byte_order_mark_is_no_part_of_the_settings() {
        let settings = read("\u{feff}[load]\nconcurrency = 3\n").unwrap();
        assert_eq!(settings.load.concurrency.map(NonZeroU32::get), Some(3));
    }

    #[test]
    fn requests_are_read_as_on_the_command_line() {
        let text = "[[workload]]\nname = \"a\"\npath = \"/grün tee?q=\\\"\"\nmethod = \"PURGE\"\nexpect = \"2xx,304\"\n\
                    headers = { X-A = \"b\" }\n";
        let settings = read(text).unwrap();
        let workload = &settings.workloads[0];
        assert_eq!(workload.path, "/gr%C3%BCn%20tee?q=%22");
        assert_eq!(workload.method.as_deref(), Some("PURGE"));
        assert_eq!(workload.headers, [("X-A".to_owned(), "b".to_owned())]);
        assert!(workload.expect.unwrap().accepts(304));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_panic(text in "(\\[load\\]\n)?[a-zä=\\[\\]\"\n# 0-9%-]{0,60}") {
            let _ = read(&text);
        }
    }
}
