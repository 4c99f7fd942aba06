//! What is asked for, and the flags for it.

use serde::Serialize;

use crate::request::Tracing;

/// What a server tells of its requests. Nothing by default.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Settings {
    /// The least important lines of the log on standard error; `None`: no log.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub log: Option<Level>,
    /// Where traces go, a URL with its path; `None`: nowhere. The record tells that, not where:
    /// the address of a collector is nobody's business.
    #[cfg(feature = "otel")]
    #[serde(
        rename = "otlp",
        serialize_with = "whether",
        skip_serializing_if = "Option::is_none"
    )]
    pub otlp_endpoint: Option<String>,
}

/// How important a line of the log is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Level {
    /// Panics
    Error,
    /// Also requests that failed (5xx) or got no answer, and services that failed
    Warn,
    /// Also every request
    Info,
    /// Also connections, services asked, and work handed to other threads and tasks
    Debug,
    /// Also every piece of a streamed answer
    Trace,
}

impl Settings {
    /// A log, and nothing else.
    pub fn with_log(level: Level) -> Self {
        Self {
            log: Some(level),
            #[cfg(feature = "otel")]
            otlp_endpoint: None,
        }
    }

    /// Whether anything is told at all.
    pub fn any(&self) -> bool {
        *self != Self::default()
    }

    /// What makes the spans of requests, or `None` when nothing is told: then a request pays one
    /// branch.
    pub fn tracing(&self) -> Option<Tracing> {
        self.any().then(|| Tracing::new(self.log.is_some()))
    }
}

/// Flags of every built-in server.
#[derive(Debug, Clone, Default, clap::Args)]
pub struct TelemetryArgs {
    /// Write a log to standard error: panics (error) up to every piece of a stream (trace), a line
    /// per request from info on; answers then carry `x-request-id` [default: no log]
    #[arg(long, value_name = "LEVEL", value_enum)]
    pub log: Option<Level>,

    /// Export traces by OTLP over HTTP to the collector at this URL, such as http://127.0.0.1:4318
    /// [default: the environment's OTEL_EXPORTER_OTLP_ENDPOINT; without it nothing is exported]
    #[cfg(feature = "otel")]
    #[arg(long, value_name = "URL", value_parser = crate::otlp::parse_base_url)]
    pub otlp_endpoint: Option<String>,
}

impl TelemetryArgs {
    /// The settings asked for, by flags or by OpenTelemetry's own environment variables.
    pub fn settings(&self) -> Settings {
        Settings {
            log: self.log,
            #[cfg(feature = "otel")]
            otlp_endpoint: crate::otlp::endpoint(self.otlp_endpoint.as_deref(), |name| {
                std::env::var(name).ok()
            }),
        }
    }
}

#[cfg(feature = "otel")]
fn whether<S: serde::Serializer>(endpoint: &Option<String>, to: S) -> Result<S::Ok, S::Error> {
    to.serialize_bool(endpoint.is_some())
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::Parser;

    #[derive(Debug, Parser)]
    struct Program {
        #[command(flatten)]
        args: TelemetryArgs,
    }

    #[test]
    fn nothing_is_told_by_default() {
        assert!(!Settings::default().any());
        assert!(Settings::default().tracing().is_none());
        assert!(Program::parse_from(["server"]).args.log.is_none());
    }

    #[test]
    fn levels_are_those_that_everybody_knows() {
        for level in ["error", "warn", "info", "debug", "trace"] {
            let args = Program::parse_from(["server", "--log", level]).args;
            let settings = Settings::with_log(args.log.expect("given"));
            assert!(settings.tracing().is_some(), "{level}");
        }
        let wrong = Program::try_parse_from(["server", "--log", "loud"]).unwrap_err();
        let message = wrong.to_string();
        assert!(
            message.contains("'loud'") && message.contains("--log"),
            "{message}"
        );
        assert!(
            message.contains("error, warn, info, debug, trace"),
            "{message}"
        );
    }
}
