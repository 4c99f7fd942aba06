//! What is said beside the result, on standard error.

use std::io::{self, Write as _};

/// Says how far a command is, unless `quiet`.
pub fn progress(quiet: bool, text: &str) {
    if !quiet {
        say(text);
    }
}

/// Says something beside the result. A reader of standard error that went away must not cost the result.
pub fn say(text: &str) {
    let line = format!("{text}\n");
    io::stderr().write_all(line.as_bytes()).ok();
}
