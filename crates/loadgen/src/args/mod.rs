//! Flags that several commands share, and how their values are read. It knows no command.

pub mod output;
pub mod run;

pub use bench::values::{
    ArrivalsArg, ClientArg, Cpus, KeepAlive, MaxErrors, Switch, Verify, Wait, parse_cpus,
    parse_duration, parse_duration_or_zero, parse_header, parse_max_errors, parse_method,
    parse_path, parse_rate, parse_statuses,
};
pub use output::FormatArg;
